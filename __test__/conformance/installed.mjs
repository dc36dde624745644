// Loaded before a program, on the side that calls `install()` and uses rtc-node's own classes.
import { install } from '../../dist/livekit/index.js';

install();
