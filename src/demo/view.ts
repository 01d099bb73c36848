import { ANSI_PAINT, type Frame, NO_PAINT, renderLine, renderTable } from './frame.ts';

/** Where the demo writes, and what that can show. */
export interface Screen {
  /** Writes one line. */
  line(text: string): void;
  /** Whether the cursor can go back up. */
  readonly tty: boolean;
  readonly color: boolean;
  /** Size of the terminal now. */
  readonly columns: number;
  readonly rows: number;
}

const REDRAW_MS = 250;
const LINE_EVERY_MS = 1_000;
/** Events printed at once; a run in which everything fails says so more shortly. */
const MAX_EVENT_LINES = 5;

/**
 * Shows the run while it goes on: in a terminal a table that is redrawn in place, elsewhere one line a second and one
 * per event.
 */
export class LiveView {
  readonly #screen: Screen;
  readonly #frame: () => Frame;
  readonly #timer: NodeJS.Timeout;
  #drawnLines = 0;
  #shownEvents = 0;

  constructor(screen: Screen, frame: () => Frame) {
    this.#screen = screen;
    this.#frame = frame;
    this.#timer = setInterval(() => this.draw(), screen.tty ? REDRAW_MS : LINE_EVERY_MS);
  }

  draw(): void {
    const frame = this.#frame();
    if (this.#screen.tty) this.#redraw(frame);
    else this.#append(frame);
  }

  /** Draws a last time and leaves it standing. */
  stop(): void {
    clearInterval(this.#timer);
    this.draw();
  }

  #redraw(frame: Frame): void {
    const { color, columns, rows } = this.#screen;
    // What has scrolled off the screen cannot be redrawn.
    const lines = renderTable(frame, columns, color ? ANSI_PAINT : NO_PAINT).slice(0, Math.max(1, rows - 1));
    // Up to where the last table began, and clear to the end of the screen.
    const back = this.#drawnLines === 0 ? '' : `\u001B[${this.#drawnLines}A\u001B[J`;
    this.#screen.line(back + lines.join('\n'));
    this.#drawnLines = lines.length;
  }

  #append(frame: Frame): void {
    const fresh = frame.events.slice(Math.max(0, this.#shownEvents - frame.firstEvent));
    for (const event of fresh.slice(0, MAX_EVENT_LINES)) this.#screen.line(event);
    if (fresh.length > MAX_EVENT_LINES) this.#screen.line(`        and ${fresh.length - MAX_EVENT_LINES} more events`);
    this.#shownEvents = frame.firstEvent + frame.events.length;
    this.#screen.line(renderLine(frame));
  }
}
