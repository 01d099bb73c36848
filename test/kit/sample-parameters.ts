/** Parameters for plugin types that cannot do without any, where a suite runs the whole catalog. */
export const SAMPLE_PARAMETERS: Readonly<Record<string, object>> = {
  'by-label': { label: 'llm-d.ai/role', validValues: ['decode'] },
  'header-label-affinity-scorer': { headerName: 'X-Tier', labelKey: 'tier' },
  'utilization-filter': {
    conditions: [
      { metric: 'active-requests', maxValue: 5 },
      { metric: 'running-requests', maxValue: 500 },
      { metric: 'waiting-queue', maxValue: 500 },
      { metric: 'kv-cache-utilization', maxValue: 0.9 },
    ],
  },
};
