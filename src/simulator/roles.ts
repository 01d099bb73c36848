/** Stages of an inference that a server may be kept for: values of the label `llm-d.ai/role`. */
export const ROLES = [
  'prefill',
  'decode',
  'encode',
  'prefill-decode',
  'both',
  'encode-prefill',
  'encode-prefill-decode',
] as const;

export type Role = (typeof ROLES)[number];

export const ROLE_LABEL = 'llm-d.ai/role';

export function isRole(name: string): name is Role {
  return ROLES.some((role) => role === name);
}

/** Whether answers come from servers of a role. In front of them stands a sidecar, which has other stages done first. */
export function hasSidecar(role: Role | undefined): boolean {
  return role === 'decode' || role === 'prefill-decode' || role === 'both' || role === 'encode-prefill-decode';
}
