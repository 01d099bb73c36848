/** Rows of the contract's test tables (`wire-protocol.md` section 7), which are numbered 1 to this. */
export const LAST_ROW = 107;

/** Rows that another suite holds, in whole. */
export const HELD_ELSEWHERE: Readonly<Record<number, string>> = {
  46: 'src/scrape/loop.test.ts',
  61: 'src/request/parser-choice.test.ts',
  95: 'src/admin/health.test.ts',
  98: 'test/app/readiness.test.ts',
  99: 'src/admin/health.test.ts',
  100: 'src/cli/flags.test.ts',
  101: 'src/cli/flags.test.ts',
  102: 'src/cli/flags.test.ts',
  103: 'src/cli/flags.test.ts',
  104: 'test/app/serving.test.ts',
  106: 'test/cluster/objects.test.ts',
};

const NO_FLOW_CONTROL = 'there is no flow control';
const GO_INTERNAL = 'about the inside of the Go picker, with nothing to see on the wire';

/** Rows nobody holds, and why. */
export const NOT_HELD: Readonly<Record<number, string>> = {
  43: 'test/config/shipped-samples.test.ts has it but for latency prediction, which is refused by name, and for a request',
  44: GO_INTERNAL,
  45: 'no extractor reads Kubernetes objects',
  50: 'no parser can ask to skip the response: it is watched to its end, which the client cannot tell apart',
  58: 'test/tracing/spans.test.ts has it but for mixed case, which HTTP/2 has not',
  59: NO_FLOW_CONTROL,
  60: 'there is no metric of the termination cause',
  68: 'there is no count of events to look at',
  69: 'there is no count of events to look at',
  76: 'a plugin told of a pick cannot refuse the request: what may refuse is asked before, as an admitter (row 79)',
  85: GO_INTERNAL,
  94: 'src/admin/health.test.ts has it but for the time before the first load, when no port is open',
  96: 'test/app/picker.test.ts has the drain, but not every service name',
  97: 'test/cluster/pool.test.ts has it but for a pool that names no protocol',
  105: 'src/ext-proc/tls-suites.test.ts and test/app/serving.test.ts have it but for the kept ALPN',
  107: 'test/app/serving.test.ts has it but for a deadline, which a gateway does not set',
};
