import { channel } from 'node:diagnostics_channel';

// The messages are made only where a channel has a subscriber. Node reports what a subscriber throws as an uncaught error,
// in a later turn: the code that publishes goes on.

export const streamOpen = channel('narrowcast:stream.open');
export const streamClose = channel('narrowcast:stream.close');
export const streamDrop = channel('narrowcast:stream.drop');
export const engineStolen = channel('narrowcast:engine.stolen');
export const stall = channel('narrowcast:stall');
export const playoutUnderrun = channel('narrowcast:playout.underrun');
