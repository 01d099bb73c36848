import { startModelServer } from '../simulator/model-server.ts';

/** A simulated model server that can die and come back at the same address. */
export interface DemoServer {
  readonly name: string;
  readonly port: number;
  /** Dies at once: refuses connections and cuts off what it was doing. */
  crash(): Promise<void> | void;
  /** Comes back at the same port with an empty cache. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts one server on a free port of 127.0.0.1. */
export type StartServer = (options: { readonly name: string; readonly seed: number }) => Promise<DemoServer>;

/** Simulated vLLM servers that serve `model`. */
export function startSimulatedServer(model: string): StartServer {
  return ({ name, seed }) => startModelServer({ name, seed, model });
}
