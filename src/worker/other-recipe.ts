/** TensorFlow can be opened once a process: a recipe other than the one that it was opened for needs another process. */
export class OtherRecipe extends Error {}
