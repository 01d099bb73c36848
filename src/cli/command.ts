/** Where a command writes its lines, and what tells it to stop. */
export interface CommandIo {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** One word on the command line. */
export interface Command {
  readonly name: string;
  /** One sentence for the overview. */
  readonly summary: string;
  readonly help: string;
  /** Runs to the end and resolves to the exit code. */
  run(args: string[], io: CommandIo): Promise<number>;
}
