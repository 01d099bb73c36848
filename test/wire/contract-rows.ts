/** Rows of the contract's test tables (`wire-protocol.md` section 7), which are numbered 1 to this. */
export const LAST_ROW = 107;

/** Rows that another suite holds, in whole. */
export const HELD_ELSEWHERE: Readonly<Record<number, string>> = {
  46: 'src/scrape/loop.test.ts',
  61: 'src/request/parser-choice.test.ts',
  98: 'test/app/readiness.test.ts',
  100: 'src/cli/flags.test.ts',
  101: 'src/cli/flags.test.ts',
  102: 'src/cli/flags.test.ts',
  103: 'src/cli/flags.test.ts',
  104: 'test/app/serving.test.ts',
};

const NO_FLOW_CONTROL = 'there is no flow control';
const NO_KUBERNETES = 'there is no Kubernetes discovery';
const NO_LEADERS = 'there is no leader election';
const GO_INTERNAL = 'about the inside of the Go picker, with nothing to see on the wire';

/** Rows nobody holds, and why. */
export const NOT_HELD: Readonly<Record<number, string>> = {
  43: 'most of the documented configurations name plugins the catalog lacks',
  44: GO_INTERNAL,
  45: NO_KUBERNETES,
  50: 'no parser can ask to skip the response: it is watched to its end, which the client cannot tell apart',
  58: 'test/tracing/spans.test.ts has it but for mixed case, which HTTP/2 has not',
  59: NO_FLOW_CONTROL,
  60: 'there is no metric of the termination cause',
  68: 'there is no count of events to look at',
  69: 'there is no count of events to look at',
  76: 'a plugin told of a pick cannot refuse the request: what may refuse is asked before, as an admitter (row 79)',
  84: 'no filter of the catalog can leave nobody',
  85: GO_INTERNAL,
  94: 'src/admin/health.test.ts has it but for the time before the first load, when no port is open',
  95: NO_LEADERS,
  96: 'test/app/picker.test.ts has the drain, but not every service name',
  97: 'a pool from a file has no appProtocol',
  99: 'src/admin/health.test.ts has it but for leader election',
  105: 'src/ext-proc/tls-suites.test.ts and test/app/serving.test.ts have it but for the kept ALPN',
  106: NO_KUBERNETES,
  107: 'test/app/serving.test.ts has it but for a deadline, which a gateway does not set',
};
