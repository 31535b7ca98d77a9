/**
 * Scripts that complete cnn-dist's words in a shell. They hold all words, so that a completion starts no process but the shell's
 * own; only folders of runs are looked for. Pure.
 */

/** What may stand in a place. */
export interface Values {
  words?: readonly string[];
  files?: boolean;
  folders?: boolean;
  /** Folders of runs below ./runs. */
  runs?: boolean;
}

export interface Completed {
  name: string;
  describe: string;
  positionals: readonly { values: Values; many: boolean }[];
  /** `values` null: it takes none. */
  options: readonly { flag: string; describe: string; values: Values | null }[];
}

/** For `source <(cnn-dist completion bash)`. */
export function bashScript(commands: readonly Completed[]): string {
  return `# cnn-dist's completion for bash: put  source <(cnn-dist completion bash)  into ~/.bashrc
${functions(commands)}
complete -o filenames -F _cnn_dist cnn-dist
`;
}

/** The same functions: zsh understands them by its bashcompinit. */
export function zshScript(commands: readonly Completed[]): string {
  return `# cnn-dist's completion for zsh: put  source <(cnn-dist completion zsh)  into ~/.zshrc
(( \${+functions[compdef]} )) || { autoload -U compinit && compinit -u }
autoload -U bashcompinit && bashcompinit
${functions(commands)}
complete -o filenames -F _cnn_dist cnn-dist
`;
}

function functions(commands: readonly Completed[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `_cnn_dist_add() { # kind, then words
  local kind=$1 each; shift
  case $kind in
    words) COMPREPLY+=($(compgen -W "$*" -- "$cur")) ;;
    files) while IFS= read -r each; do COMPREPLY+=("$each"); done < <(compgen -f -- "$cur") ;;
    folders) while IFS= read -r each; do COMPREPLY+=("$each"); done < <(compgen -d -- "$cur") ;;
    runs)
      for each in runs/*; do
        if [[ $each == "$cur"* && -f $each/recipe.json ]]; then COMPREPLY+=("$each"); fi
      done ;;
  esac
  return 0 # that nothing fits is no failure
}
_cnn_dist() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command="" place=0 i
  [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD-2]}
  [[ $cur == = ]] && cur=""
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      -*) ;;
      *) if [[ -z $command ]]; then command=\${COMP_WORDS[i]}; else place=$((place + 1)); fi ;;
    esac
  done
  if [[ -z $command ]]; then _cnn_dist_add words "${names} --help --version"; return; fi
  case $command:$prev in
${commands.flatMap(valueCases).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${commands.map(({ name, options }) => `      ${name}) _cnn_dist_add words "${[...options.map(({ flag }) => `--${flag}`), "--help"].join(" ")}" ;;`).join("\n")}
    esac
    return
  fi
  case $command in
${commands.flatMap(positionalCase).join("\n")}
  esac
}`;
}

function valueCases({ name, options }: Completed): string[] {
  return options.flatMap(({ flag, values }) =>
    values === null ? [] : [`    ${name}:--${flag}) ${[...additions(values), "return"].join("; ")} ;;`],
  );
}

/** Options' values before a place are counted as places too, so that the last one stands for all that follow. */
function positionalCase({ name, positionals }: Completed): string[] {
  const [first, ...rest] = positionals;
  if (!first) return [];
  const last = rest.at(-1) ?? first;
  if (rest.length === 0) return [`    ${name}) ${additions(first.values).join("; ")} ;;`];
  return [
    `    ${name}) if ((place == 0)); then ${additions(first.values).join("; ")}; else ${additions(last.values).join("; ")}; fi ;;`,
  ];
}

function additions({ words = [], files, folders, runs }: Values): string[] {
  const added = [
    ...(words.length > 0 ? [`_cnn_dist_add words "${words.join(" ")}"`] : []),
    ...(runs ? ["_cnn_dist_add runs"] : []),
    ...(folders ? ["_cnn_dist_add folders"] : []),
    ...(files ? ["_cnn_dist_add files"] : []),
  ];
  return added.length > 0 ? added : [":"];
}

/** For `cnn-dist completion fish | source`. */
export function fishScript(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ name, describe, positionals, options }) => {
    const on = `complete -c cnn-dist -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c cnn-dist -n __fish_use_subcommand -a ${name} -d ${quoted(describe)}`,
      ...options.map(({ flag, describe, values }) => {
        const value = values === null ? "" : ` ${isOnlyWords(values) ? "-x" : "-r"}${fishWords(values)}`;
        return `${on} -l ${flag} -d ${quoted(describe)}${value}`;
      }),
      ...positionals.flatMap(({ values }) => {
        const words = fishWords(values);
        return words === "" ? [] : [`${on}${words}`];
      }),
      ...(positionals.some(({ values }) => values.files || values.folders) ? [`${on} -F`] : []),
    ];
  });
  return `# cnn-dist's completion for fish: put  cnn-dist completion fish | source  into ~/.config/fish/config.fish
function __cnn_dist_runs
  for each in runs/*
    test -f $each/recipe.json; and echo $each
  end
end
complete -c cnn-dist -f
${lines.join("\n")}
`;
}

const isOnlyWords = ({ files, folders, runs }: Values) => !files && !folders && !runs;

function fishWords({ words = [], runs }: Values): string {
  const all = [...words, ...(runs ? ["(__cnn_dist_runs)"] : [])].join(" ");
  return all === "" ? "" : ` -a ${quoted(all)}`;
}

const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
