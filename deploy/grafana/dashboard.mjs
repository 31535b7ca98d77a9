/** The dashboard as code: `node deploy/grafana/dashboard.mjs` writes dashboards/cnn-dist.json, which Grafana reads. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Title, unit, and queries with their legends; two panels a row, in this order. */
const PANELS = [
  ["Loss", "short", [["cnn_dist_train_loss", "training"], ["cnn_dist_eval_loss", "test"]]],
  ["Accuracy", "percentunit", [["cnn_dist_train_accuracy_ratio", "training"], ["cnn_dist_eval_accuracy_ratio", "test"]]],
  ["Images a second", "short", [["rate(cnn_dist_samples_total[$__rate_interval])", "images/s"]]],
  ["Step phases", "s", [["sum by (phase) (rate(cnn_dist_step_phase_duration_seconds_sum[$__rate_interval])) / on() group_left() sum(rate(cnn_dist_step_duration_seconds_count[$__rate_interval]))", "{{phase}}"]]],
  ["What holds the run back", "percentunit", [["cnn_dist_held_back_ratio", "{{phase}}"]]],
  ["Workers", "short", [["cnn_dist_workers > 0", "{{state}}"]]],
  ["Compute time of a worker", "s", [["cnn_dist_worker_step_duration_seconds", "rank {{rank}}"]]],
  ["Slow workers: times as long for a shard", "short", [["cnn_dist_worker_slow_ratio", "rank {{rank}}"]]],
  ["What a worker's time goes to", "percentunit", [["rate(cnn_dist_worker_phase_seconds_total{phase!=\"write\"}[$__rate_interval]) / on(rank) group_left() sum by (rank) (rate(cnn_dist_worker_phase_seconds_total{phase!=\"write\"}[$__rate_interval]))", "rank {{rank}}: {{phase}}"]]],
  ["Last gradient to the next step's first operation", "s", [["rate(cnn_dist_step_tail_duration_seconds_sum[$__rate_interval]) / rate(cnn_dist_step_tail_duration_seconds_count[$__rate_interval])", "tail"]]],
  ["Age of the last checkpoint", "s", [["time() - (cnn_dist_checkpoint_last_success_timestamp_seconds > 0)", "age"]]],
  ["Checkpoints: time to write, and failures", "s", [["rate(cnn_dist_checkpoint_duration_seconds_sum[$__rate_interval]) / (rate(cnn_dist_checkpoint_duration_seconds_count[$__rate_interval]) > 0)", "time"], ["cnn_dist_checkpoint_failures_total", "failures"]]],
  ["Exchange", "Bps", [["rate(cnn_dist_exchange_bytes_total[$__rate_interval])", "{{direction}} by {{transport}}"]]],
  ["Nodes", "short", [["cnn_dist_nodes > 0", "{{state}}"]]],
  ["Nodes: exchange", "Bps", [["rate(cnn_dist_node_exchange_bytes_total[$__rate_interval])", "{{node}}: {{direction}}"]]],
  ["Learning rate and gradient norm", "short", [["cnn_dist_learning_rate", "learning rate"], ["cnn_dist_gradient_norm", "gradient norm"]]],
  ["Workers lost", "short", [["cnn_dist_failures_detected_total", "{{reason}}"]]],
  ["Shards computed by others", "short", [["cnn_dist_shards_reassigned_total", "of lost workers"], ["sum(cnn_dist_shards_backed_up_total) or vector(0)", "of late workers"]]],
  ["GPU utilization", "percentunit", [["cnn_dist_gpu_utilization_ratio", "{{gpu}} {{name}}"]]],
  ["GPU memory", "bytes", [["cnn_dist_gpu_memory_used_bytes", "{{gpu}} {{name}}"]]],
];

export function dashboard() {
  return {
    uid: "cnn-dist",
    title: "cnn-dist",
    schemaVersion: 39,
    refresh: "5s",
    time: { from: "now-30m", to: "now" },
    templating: { list: [] },
    panels: PANELS.map(([title, unit, targets], index) => ({
      id: index + 1,
      type: "timeseries",
      title,
      datasource: { type: "prometheus", uid: "prometheus" },
      gridPos: { h: 8, w: 12, x: (index % 2) * 12, y: Math.floor(index / 2) * 8 },
      fieldConfig: { defaults: { unit, custom: { fillOpacity: 5, showPoints: "never" } }, overrides: [] },
      targets: targets.map(([expr, legendFormat], target) => ({ refId: String.fromCharCode(65 + target), expr, legendFormat })),
    })),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("dashboards/cnn-dist.json", import.meta.url), `${JSON.stringify(dashboard(), null, 2)}\n`);
}
