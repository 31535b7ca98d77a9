/** The layers of cnn-dist's networks that Keras does not have, as a Python file beside the archive. */
export const KERAS_LAYERS_FILE = "cnn_dist_layers.py";

export const KERAS_LAYERS = `"""Layers of cnn-dist's networks that Keras does not have: import before keras.saving.load_model."""
import keras


@keras.saving.register_keras_serializable(package="cnn_dist")
class LRN(keras.layers.Layer):
    """x / (k + alpha * sum of x^2 over \`size\` adjacent channels)^beta (Krizhevsky et al. 2012, section 3.3)."""

    def __init__(self, size, k, alpha, beta, **kwargs):
        super().__init__(**kwargs)
        self.size, self.k, self.alpha, self.beta = size, k, alpha, beta

    def call(self, x):
        channels, around = x.shape[-1], self.size // 2
        squares = keras.ops.pad(keras.ops.square(x), [[0, 0], [0, 0], [0, 0], [around, around]])
        total = sum(squares[..., first : first + channels] for first in range(self.size))
        return x / keras.ops.power(self.k + self.alpha * total, self.beta)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"size": self.size, "k": self.k, "alpha": self.alpha, "beta": self.beta}
        return {**super().get_config(), **own}
`;
