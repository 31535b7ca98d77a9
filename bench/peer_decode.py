"""TensorFlow's own input pipeline. `make DIR COUNT`: 256x256 JPEGs in two classes; `measure DIR PASSES`: images a second."""
import glob, os, sys, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

BATCH = 64


def make(folder, count):
    for index in range(count):
        noise = tf.random.stateless_uniform([16, 16, 3], [1, index], maxval=256)
        pixels = tf.cast(tf.clip_by_value(tf.image.resize(noise, [256, 256], "bicubic"), 0, 255), tf.uint8)
        path = os.path.join(folder, "ab"[index % 2], f"{index:05d}.jpg")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        tf.io.write_file(path, tf.io.encode_jpeg(pixels, quality=90))


def measure(folder, passes):
    def read(path):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE")
        return tf.ensure_shape(image, [256, 256, 3])

    files = sorted(glob.glob(os.path.join(folder, "*", "*.jpg")))
    data = tf.data.Dataset.from_tensor_slices(files).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    data = data.batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    images = 0
    for repetition in range(passes + 1):
        if repetition == 1:  # the first pass fills the page cache
            start = time.perf_counter()
        for batch in data:
            images += batch.shape[0] if repetition else 0
    print(images / (time.perf_counter() - start))


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]))
else:
    measure(sys.argv[2], int(sys.argv[3]))
