/** TensorFlow's C API, as far as the engine calls it, bound by koffi. Pointers are BigInts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CnnDistError, messageOf, UsageError } from "../../errors.js";
import { koffi } from "../../foreign.js";
import { LIBRARIES } from "./libraries.js";
import { withoutGreetings } from "./quiet.js";

export type Pointer = bigint;
/** TF_Output: one output of one node of a graph. */
export interface Output {
  oper: Pointer;
  index: number;
}

const PROTOTYPES = [
  "const char *TF_Version()",
  "void *TF_NewStatus()",
  "void TF_DeleteStatus(void *status)",
  "int TF_GetCode(void *status)",
  "const char *TF_Message(void *status)",
  "void *TF_AllocateTensor(int dtype, int64_t *dims, int rank, size_t bytes)",
  "void *TF_NewTensor(int dtype, int64_t *dims, int rank, void *data, size_t bytes, void *deallocator, void *arg)",
  "void *TF_TensorData(void *tensor)",
  "size_t TF_TensorByteSize(void *tensor)",
  "void TF_DeleteTensor(void *tensor)",
  "void TF_StringInit(void *string)",
  "void TF_StringCopy(void *string, const void *source, size_t bytes)",
  "const void *TF_StringGetDataPointer(void *string)",
  "size_t TF_StringGetSize(void *string)",
  "void *TFE_NewContextOptions()",
  "void TFE_ContextOptionsSetConfig(void *options, const void *proto, size_t bytes, void *status)",
  "void TFE_DeleteContextOptions(void *options)",
  "void *TFE_NewContext(void *options, void *status)",
  "void *TFE_ContextListDevices(void *context, void *status)",
  "int TF_DeviceListCount(void *list)",
  "const char *TF_DeviceListName(void *list, int index, void *status)",
  "const char *TF_DeviceListType(void *list, int index, void *status)",
  "void TF_DeleteDeviceList(void *list)",
  "void *TFE_NewTensorHandle(void *tensor, void *status)",
  "void TFE_DeleteTensorHandle(void *handle)",
  "void *TFE_TensorHandleResolve(void *handle, void *status)",
  "int TFE_TensorHandleNumDims(void *handle, void *status)",
  "int64_t TFE_TensorHandleDim(void *handle, int index, void *status)",
  "int TFE_TensorHandleDataType(void *handle)",
  "void *TFE_NewOp(void *context, const char *name, void *status)",
  "void TFE_DeleteOp(void *op)",
  "void TFE_OpAddInput(void *op, void *handle, void *status)",
  "void *TFE_NewCancellationManager()",
  "void TFE_CancellationManagerStartCancel(void *manager)",
  "void TFE_DeleteCancellationManager(void *manager)",
  "void TFE_OpSetCancellationManager(void *op, void *manager, void *status)",
  "void TFE_OpSetAttrString(void *op, const char *name, const void *value, size_t bytes)",
  "void TFE_OpSetAttrInt(void *op, const char *name, int64_t value)",
  "void TFE_OpSetAttrIntList(void *op, const char *name, int64_t *values, int count)",
  "void TFE_OpSetAttrFloat(void *op, const char *name, float value)",
  "void TFE_OpSetAttrFloatList(void *op, const char *name, float *values, int count)",
  "void TFE_OpSetAttrBool(void *op, const char *name, uchar value)",
  "void TFE_OpSetAttrType(void *op, const char *name, int value)",
  "void TFE_OpSetAttrTypeList(void *op, const char *name, int *values, int count)",
  "void TFE_OpSetAttrShape(void *op, const char *name, int64_t *dims, int rank, void *status)",
  "void TFE_Execute(void *op, void *results, int *count, void *status)",
  "void TFE_ContextAddFunction(void *context, void *func, void *status)",
  "void TFE_ContextRemoveFunction(void *context, const char *name, void *status)",
  "void *TF_NewGraph()",
  "void TF_DeleteGraph(void *graph)",
  "void *TF_NewOperation(void *graph, const char *type, const char *name)",
  "void *TF_FinishOperation(void *description, void *status)",
  "void TF_SetDevice(void *description, const char *device)",
  "int TF_OperationNumOutputs(void *oper)",
  "void TF_AddOperationControlInput(void *graph, void *operation, void *input)",
  "void TF_AddInput(void *description, TF_Output input)",
  "void TF_AddControlInput(void *description, void *oper)",
  "void TF_AddInputList(void *description, TF_Output *inputs, int count)",
  "void TF_SetAttrString(void *description, const char *name, const void *value, size_t bytes)",
  "void TF_SetAttrInt(void *description, const char *name, int64_t value)",
  "void TF_SetAttrIntList(void *description, const char *name, int64_t *values, int count)",
  "void TF_SetAttrFloat(void *description, const char *name, float value)",
  "void TF_SetAttrFloatList(void *description, const char *name, float *values, int count)",
  "void TF_SetAttrBool(void *description, const char *name, uchar value)",
  "void TF_SetAttrType(void *description, const char *name, int value)",
  "void TF_SetAttrTypeList(void *description, const char *name, int *values, int count)",
  "void TF_SetAttrShape(void *description, const char *name, int64_t *dims, int rank)",
  "void TF_SetAttrTensor(void *description, const char *name, void *tensor, void *status)",
  "int TF_GraphGetTensorNumDims(void *graph, TF_Output output, void *status)",
  "void TF_GraphGetTensorShape(void *graph, TF_Output output, int64_t *dims, int rank, void *status)",
  "int TF_OperationOutputType(TF_Output output)",
  "void *TF_GraphToFunctionWithControlOutputs(void *graph, const char *name, uchar append_hash, int opers, void *oper_list, int inputs, TF_Output *input_list, int outputs, TF_Output *output_list, void *output_names, int controls, void *control_list, void *control_names, void *options, const char *description, void *status)",
  "void TF_DeleteFunction(void *func)",
] as const;

type NameOf<Prototype extends string> = Prototype extends `${string}(${string}`
  ? Prototype extends `${infer Head}(${string}`
    ? LastWord<Head>
    : never
  : never;
type LastWord<Text extends string> = Text extends `${string} ${infer Rest}`
  ? LastWord<Rest>
  : Text extends `*${infer Name}`
    ? Name
    : Text;
type FunctionName = NameOf<(typeof PROTOTYPES)[number]>;

/** A C function. What goes in and out is checked by koffi at run time; `R` is the caller's claim of what comes back. */
export interface CFunction {
  <R = void>(...args: readonly unknown[]): R;
  async(...args: readonly unknown[]): void;
}
export type CApi = Readonly<Record<FunctionName, CFunction>>;

export interface Libc {
  /** Copies bytes between native memory and typed arrays. */
  copy(to: Pointer | ArrayBufferView, from: Pointer | ArrayBufferView, bytes: number): void;
  /** Address of a typed array's first byte; it does not move while the array lives. */
  addressOf(array: ArrayBufferView): Pointer;
  /** Address of a function that may be called with any arguments and does nothing that matters. */
  readonly noop: Pointer;
}

export interface Native {
  tf: CApi;
  libc: Libc;
}

const RTLD_NOW = 0x2;
const RTLD_GLOBAL = 0x100;
const RTLD_NODELETE = 0x1000;

/** UsageError `tensorflow-missing` for a folder that does not hold the libraries. */
export function assertLibraries(dir: string): void {
  for (const library of LIBRARIES) {
    if (existsSync(join(dir, library))) continue;
    throw new UsageError(
      "tensorflow-missing",
      `${join(dir, library)} does not exist, so TensorFlow cannot be loaded from there. Run 'cnn-dist setup', or point CNN_DIST_TENSORFLOW at a folder that holds ${LIBRARIES.join(" and ")}.`,
    );
  }
}

/**
 * Loads TensorFlow from `dir`. NODELETE, because unloading it at exit crashes; GLOBAL, because the second library takes
 * its symbols from the first.
 */
export function loadNative(dir: string): Native {
  assertLibraries(dir);
  // TensorFlow reads this when it is loaded; without it much is said on stderr that is no news.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const c = koffi.load("libc.so.6");
  const dlopen = c.func("void *dlopen(const char *path, int flags)") as unknown as CFunction;
  const dlerror = c.func("const char *dlerror()") as unknown as CFunction;
  const dlsym = c.func("void *dlsym(void *handle, const char *name)") as unknown as CFunction;
  const memmove = c.func("void *memmove(void *to, const void *from, size_t bytes)") as unknown as CFunction;
  const open = (library: string) => {
    if (dlopen<Pointer | null>(join(dir, library), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE)) return;
    throw new CnnDistError(
      "tensorflow-load",
      `${join(dir, library)} could not be loaded: ${dlerror<string>()}. Run 'cnn-dist doctor' to see what this machine has.`,
    );
  };
  if (process.env.TF_CPP_MIN_LOG_LEVEL === "0") LIBRARIES.forEach(open);
  else withoutGreetings(() => LIBRARIES.forEach(open));
  const library = koffi.load(join(dir, LIBRARIES[1]));
  const tf: Record<string, CFunction> = {};
  for (const prototype of PROTOTYPES) {
    const name = /(\w+)\(/.exec(prototype)![1]!;
    try {
      tf[name] = library.func(prototype) as unknown as CFunction;
    } catch (error) {
      throw new UsageError(
        "tensorflow-version",
        `TensorFlow in ${dir} lacks ${name} (${messageOf(error)}). cnn-dist needs TensorFlow 2.16 or later.`,
      );
    }
  }
  return {
    tf: tf as CApi,
    libc: {
      copy: (to, from, bytes) => void memmove(to, from, bytes),
      addressOf: (array) => memmove<Pointer>(array, array, 0),
      noop: dlsym<Pointer>(null, "getpid"),
    },
  };
}

koffi.struct("TF_Output", { oper: "void *", index: "int" });
