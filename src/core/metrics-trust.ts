/** How far numbers of metrics pages are trusted; contract-free, ours. */
export interface TrustSettings {
  readonly enabled: boolean;
  /** A page whose numbers should move and have not for so long is frozen, ms; longer where scrapes are far apart. */
  readonly frozenAfterMs: number;
}

export const DEFAULT_TRUST: TrustSettings = { enabled: true, frozenAfterMs: 5000 };
