/** TensorFlow's two libraries, in the order in which they are loaded: the second takes symbols from the first. */
export const LIBRARIES = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"] as const;
