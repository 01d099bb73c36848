/** Parameters for plugin types that cannot do without any, as a configuration might give them. */
export const SAMPLE_PARAMETERS: Readonly<Record<string, unknown>> = {};
