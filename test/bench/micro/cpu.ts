import { type Effort, median } from '../harness.ts';

/** Short enough that most rounds see no collection of garbage of another's making, long enough for the clock. */
const ROUND_US = 10_000;
const ROUNDS = 15;
const MAX_CALLS = 100_000;
/** Until the optimising compiler has had its say. */
const WARM_UP_US = 500_000;

/** CPU microseconds of all threads of this process while `work` runs: what others do to the machine does not count. */
export function cpuUs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Median over rounds of the CPU microseconds of one call, once the engine has compiled it. */
export function costUs({ quick }: Effort, call: (index: number) => unknown): number {
  let calls = 1;
  let index = 0;
  const round = (): number =>
    cpuUs(() => {
      for (let i = 0; i < calls; i++) call(index++);
    });
  for (let spentUs = 0; spentUs < (quick ? ROUND_US : WARM_UP_US);) {
    const tookUs = round();
    spentUs += tookUs;
    if (tookUs < ROUND_US && calls < MAX_CALLS) calls *= 2;
  }
  return median(Array.from({ length: quick ? 3 : ROUNDS }, () => round() / calls));
}
