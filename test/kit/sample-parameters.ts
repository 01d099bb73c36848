/** Parameters of the types that need some, for suites that run every plugin of the catalog. */
export const SAMPLE_PARAMETERS: Readonly<Record<string, unknown>> = {
  'priority-holdback-policy': { minCeiling: 0.5 },
  'request-attribute-reporter': { attributes: [{ key: { name: 'tokens' }, expression: 'usage.total_tokens' }] },
  'session-id-producer': { headerName: 'x-session-id' },
};
