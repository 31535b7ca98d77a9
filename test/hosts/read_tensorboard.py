"""What TensorBoard's own reader finds in a folder of event files, as JSON."""
import base64
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import graph_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0, "tensors": 0})
events.Reload()
tags = events.Tags()
hparams = events.PluginTagToContent("hparams")
start = plugin_data_pb2.HParamsPluginData.FromString(hparams["_hparams_/session_start_info"]).session_start_info
end = hparams.get("_hparams_/session_end_info")
value = lambda v: getattr(v, v.WhichOneof("kind"))
json.dump(
    {
        "scalars": {tag: [[each.step, each.value] for each in events.Scalars(tag)] for tag in tags["scalars"]},
        "images": {
            tag: [
                [each.step, each.width, each.height, base64.b64encode(each.encoded_image_string).decode()]
                for each in events.Images(tag)
            ]
            for tag in tags["images"]
        },
        "text": {
            tag: tensor_util.make_ndarray(events.Tensors(tag)[0].tensor_proto).item().decode()
            for tag in events.PluginTagToContent("text")
        },
        "graph": [[node.name, list(node.input)] for node in events.Graph().node],
        "hyperparameters": {name: value(each) for name, each in start.hparams.items()},
        "ended": end is not None and plugin_data_pb2.HParamsPluginData.FromString(end).session_end_info.status,
    },
    sys.stdout,
)
