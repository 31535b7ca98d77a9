/** Who may read what the HTTP server serves, and over what: a token, TLS, and what is to be said of a server without them. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { messageOf, UsageError } from "../errors.js";
import { readGuarded } from "../secret-file.js";

export interface HttpAccess {
  /** Null: everybody may read. */
  token: string | null;
  /** Certificate and key as PEM. Null: plain HTTP. */
  tls: { cert: string; key: string } | null;
}

export const OPEN_ACCESS: HttpAccess = { token: null, tls: null };

export const TOKEN_VARIABLE = "CNN_DIST_METRICS_TOKEN";

const TOKEN = /^[\x21-\x7e]{16,1024}$/;

const problem = (message: string, cause?: unknown) => new UsageError("metrics-access", message, { cause });

/** From the files that were named, or the environment. UsageError `metrics-access` for what cannot be used. */
export function readAccess(
  {
    metricsTokenFile,
    metricsCert,
    metricsKey,
  }: { metricsTokenFile: string | null; metricsCert: string | null; metricsKey: string | null },
  env: NodeJS.ProcessEnv,
): HttpAccess {
  return {
    token: metricsTokenFile === null ? tokenOf(env) : readToken(metricsTokenFile),
    tls: metricsCert !== null && metricsKey !== null ? readTls(metricsCert, metricsKey) : null,
  };
}

function tokenOf(env: NodeJS.ProcessEnv): string | null {
  const given = env[TOKEN_VARIABLE];
  return given ? checkToken(given, TOKEN_VARIABLE) : null;
}

function readToken(file: string): string {
  return checkToken(readSecret(file, "--metrics-token-file"), `--metrics-token-file ${file}`);
}

/** It never shows what was received, which may be a secret with a slip in it. */
function checkToken(text: string, where: string): string {
  const token = text.trim();
  if (TOKEN.test(token)) return token;
  throw problem(
    `${where}: expected 16 to 1024 letters, digits or signs without spaces, received ${token.length} characters that are not that. 'openssl rand -hex 32' makes a token.`,
  );
}

function readTls(certFile: string, keyFile: string): { cert: string; key: string } {
  const key = readSecret(keyFile, "--metrics-key");
  try {
    const cert = readFileSync(certFile, "utf8");
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    throw problem(
      `--metrics-cert ${certFile} and --metrics-key ${keyFile} cannot be used together: ${messageOf(error)}. Both are PEM files, the key without a passphrase.`,
      error,
    );
  }
}

function readSecret(file: string, option: string): string {
  try {
    return readGuarded(file, "unread");
  } catch (error) {
    throw problem(`${option}: ${messageOf(error)}.`, error);
  }
}

/**
 * Whether a request's Authorization header holds the token: as Bearer, or as the password of Basic, which a browser can ask its
 * user for. The time that it takes says nothing about the token.
 */
export function admits({ token }: HttpAccess, header: string | undefined): boolean {
  if (token === null) return true;
  const given = credentialsOf(header);
  return given !== null && timingSafeEqual(digest(given), digest(token));
}

function credentialsOf(header: string | undefined): string | null {
  const [, scheme = "", rest = ""] = /^(\S+) +(\S+)$/.exec(header ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return rest;
  if (scheme.toLowerCase() !== "basic") return null;
  const words = Buffer.from(rest, "base64").toString("utf8");
  return words.slice(words.indexOf(":") + 1);
}

const digest = (text: string) => createHash("sha256").update(text).digest();

const LOOPBACK = /^(localhost|::1|127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/** What the user of a server beyond this machine should know; null where there is nothing to say. */
export function exposureOf(host: string, { token, tls }: HttpAccess): string | null {
  if (LOOPBACK.test(host) || token !== null || tls !== null) return null;
  return `--metrics-host ${host}: whoever reaches this address can read metrics and page, unencrypted. --metrics-token-file asks for a token, --metrics-cert and --metrics-key encrypt.`;
}
