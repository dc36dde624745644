import { testPrograms } from './run.js';

// On the engine in the process alone: a source, its track, the streams of that track.
testPrograms('engine', async () => ({}));
