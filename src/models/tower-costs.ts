/** What each device of a network of towers has to hold and to compute, and what crosses between them. Pure. */
import { summarize } from "./parameters.js";
import type { ModelSpec } from "./spec.js";
import { sizeOfChannels, towerCrossings, towerLayers } from "./towers.js";

export interface DeviceCosts {
  parameters: number;
  /** Forward, for one image. */
  multiply_adds: number;
  /** Bytes of all layers' outputs, for one image. */
  activation_bytes: number;
}

/** Bytes for one image, in both directions between the devices together. */
export interface CrossingBytes {
  /** The layer that reads; `loss` for what reads the network's output. */
  layer: string;
  forward_bytes: number;
  backward_bytes: number;
}

export interface TowerCosts {
  devices: readonly DeviceCosts[];
  crossings: readonly CrossingBytes[];
}

/** One tower a device. */
export function towerCosts(spec: ModelSpec): TowerCosts {
  const shares = towerLayers(spec);
  const { layers } = summarize(spec);
  const devices = Array.from({ length: spec.towers ?? 1 }, (_, tower): DeviceCosts => {
    const sum = (value: (layer: (typeof layers)[number]) => number) =>
      layers.reduce((total, layer, index) => {
        const made = sizeOfChannels(shares[index]!.makes[tower]!);
        return total + (value(layer) / layer.output.at(-1)!) * made;
      }, 0);
    return {
      parameters: sum(({ parameters }) => parameters),
      multiply_adds: sum(({ multiply_adds }) => multiply_adds),
      activation_bytes: sum(({ activation_bytes }) => activation_bytes),
    };
  });
  const all = towerCrossings(spec);
  const crossings = [...new Set(all.map(({ layer }) => layer))].map((name): CrossingBytes => {
    const sum = (backward: boolean) =>
      all.reduce((total, each) => total + (each.layer === name && each.backward === backward ? each.bytes : 0), 0);
    return { layer: name === "" ? "loss" : name, forward_bytes: sum(false), backward_bytes: sum(true) };
  });
  return { devices, crossings };
}
