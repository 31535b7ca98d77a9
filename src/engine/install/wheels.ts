/** Which wheels hold TensorFlow's library and what it needs, to the byte: cuDNN's version, too, decides a result's bits. */
import { UsageError } from "../../errors.js";
import { LIBRARIES } from "../native/libraries.js";

/** The version that we install. */
export const TENSORFLOW_VERSION = "2.21.0";

export interface Wheel {
  /** As pip wants it: name==version. */
  requirement: string;
  sha256: string;
  /** Whether an entry is unpacked. */
  wanted(entry: string): boolean;
}

/** Of one wheel, packed and unpacked. The package index is the user's own; its files are checked only once they are here. */
export const WHEEL_LIMITS: WheelLimits = { packedBytes: 2 ** 31, unpackedBytes: 2 ** 32 };

export interface WheelLimits {
  packedBytes: number;
  unpackedBytes: number;
}

const isLibrary = (entry: string) => LIBRARIES.some((library) => entry === `tensorflow/${library}`);
const isShared = (entry: string) => /^nvidia\/.*\.so(\.|$)/.test(entry);

const tensorflow = (name: string, sha256: string): Wheel => ({
  requirement: `${name}==${TENSORFLOW_VERSION}`,
  sha256,
  wanted: isLibrary,
});

/** By Node's name of the processor. PyPI has no tensorflow-cpu for arm64: there, `tensorflow` is the CPU's build. */
const CPU: Readonly<Record<string, Wheel>> = {
  x64: tensorflow("tensorflow-cpu", "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb"),
  arm64: tensorflow("tensorflow", "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552"),
};

/**
 * The `and-cuda` extra of tensorflow 2.21.0 at CUDA 12.9. The library's run path finds them in ../nvidia/<part>/lib. XLA
 * also takes nvcc's ptxas and libdevice, hence all of that wheel.
 */
const NVIDIA: readonly (readonly [part: string, version: string, sha256: string])[] = [
  ["cublas", "12.9.3.13", "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72"],
  ["cuda-cupti", "12.9.79", "096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f"],
  ["cuda-nvcc", "12.9.86", "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0"],
  ["cuda-nvrtc", "12.9.86", "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4"],
  ["cuda-runtime", "12.9.79", "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3"],
  ["cudnn", "9.28.0.42", "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375"],
  ["cufft", "11.4.1.4", "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28"],
  ["curand", "10.3.10.19", "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e"],
  ["cusolver", "11.7.5.82", "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88"],
  ["cusparse", "12.5.10.65", "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78"],
  ["nccl", "2.32.3", "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c"],
  ["nvjitlink", "12.9.86", "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9"],
];

const GPU: readonly Wheel[] = [
  tensorflow("tensorflow", "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0"),
  ...NVIDIA.map(([part, version, sha256]) => ({
    requirement: `nvidia-${part}-cu12==${version}`,
    sha256,
    wanted: part === "cuda-nvcc" ? (entry: string) => entry.startsWith("nvidia/") : isShared,
  })),
];

/** UsageError where PyPI has no wheel for this machine. */
export function wheelsFor(gpu: boolean, arch: string = process.arch): readonly Wheel[] {
  if (gpu && arch === "x64") return GPU;
  const cpu = gpu ? undefined : CPU[arch];
  if (cpu) return [cpu];
  throw new UsageError(
    "tensorflow-missing",
    `there is no TensorFlow wheel for ${gpu ? "GPUs" : "the CPU"} on ${process.platform} ${arch}. ${gpu ? "Train with --device cpu, or build" : "Build"} one and name its folder by CNN_DIST_TENSORFLOW.`,
  );
}

/** The platform tags of those wheels, as pip takes them. */
export function platformTags(arch: string = process.arch): string[] {
  const machine = arch === "arm64" ? "aarch64" : "x86_64";
  return ["manylinux_2_28", "manylinux_2_27", "manylinux_2_25", "manylinux2014", "manylinux_2_17"].map(
    (tag) => `${tag}_${machine}`,
  );
}
