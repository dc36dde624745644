/** What a track counted. Can be read after it has ended, too. */
export interface AudioStreamTrackStats {
  /** What waits to be played, in ms. */
  bufferedMs: number;
  /** Frames of `frameSizeMs` that were played, by whatever way. */
  framesOut: number;
  /** Of these, frames of nothing but silence, because nothing was there to play. */
  silenceFrames: number;
  /** Samples, of all channels, that were dropped because more than `bufferMs` waited. */
  samplesDropped: number;
  /** Samples, of all channels, that were lost because the engine refused them while the track was piped. */
  samplesRefused: number;
  /** Samples, of all channels, that were written as NaN: they are silence. */
  samplesInvalid: number;
  /** Gaps that listeners heard although samples were there: a busy machine let the native thread, which plays into an engine's
   * source, come after that source's queue had run dry. */
  lateGaps: number;
  /** How long these were, all together, in ms. */
  lateMs: number;
  /** Of a track that was piped to a sink: how often that took nothing when it was its turn. The track keeps what is written. */
  sinkStalls?: number;
}
