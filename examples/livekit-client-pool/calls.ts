/** What the test calls in a participant's page. */
export interface ParticipantCalls {
  connect(url: string, token: string, pool: boolean): Promise<void>;
  share(): Promise<void>;
  unshare(): Promise<void>;
  /** Transceivers of the publishing connection, and how many of them send. */
  counts(): { transceivers: number; sending: number };
  /** Publications of others that began and ended so far, and frames of the one there is now. */
  seen(): Promise<{ begun: number; ended: number; frames: number }>;
  disconnect(): Promise<void>;
}
