/** Parameters, by type, of plugins that need some or whose defaults leave most of them idle. */
export const SAMPLE_PARAMETERS: Readonly<Record<string, object>> = {
  'disagg-profile-handler': { deciders: { prefill: 'any-decider', encode: 'any-decider' } },
  'k8s-notification-source': { version: 'v1', kind: 'Pod' },
  'prefix-based-pd-decider': { nonCachedTokens: 16 },
  'priority-holdback-policy': { minCeiling: 0.5 },
  'request-attribute-reporter': { attributes: [{ key: { name: 'tokens' }, expression: 'usage.total_tokens' }] },
  'session-id-producer': { headerName: 'x-session-id' },
  'by-label': { label: 'llm-d.ai/role', validValues: ['decode'] },
  'header-label-affinity-scorer': { headerName: 'X-Tier', labelKey: 'tier' },
  'endpoint-attribute-filter': {
    attribute: 'WaitingQueueSize',
    algorithm: { type: 'threshold', threshold: { operator: 'LessThan', value: 500 } },
  },
  'endpoint-attribute-scorer': { attributeKey: 'WaitingQueueSize', algorithm: { type: 'linear_lower_is_better' } },
  'utilization-filter': {
    conditions: [
      { metric: 'active-requests', maxValue: 5 },
      { metric: 'running-requests', maxValue: 500 },
      { metric: 'waiting-queue', maxValue: 500 },
      { metric: 'kv-cache-utilization', maxValue: 0.9 },
    ],
  },
};
