// Loaded before a program: what else the program's thread has to do, by the environment's CONDITION. None of it keeps
// the process alive.

/** @type {Record<string, () => void>} */
const conditions = {
  /** Nothing. */
  idle() {},

  /** Each turn of the event loop takes 20 ms. */
  turns() {
    const turn = () => {
      spin(20);
      setImmediate(turn).unref();
    };
    turn();
    // An immediate that keeps nothing alive does not keep the loop from waiting for I/O: this does, after 1 ms.
    setInterval(() => {}, 1).unref();
  },

  /** The thread does nothing else for 300 ms in every second. */
  blocked() {
    setInterval(() => spin(300), 1000).unref();
    spin(300);
  },
};

function spin(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

conditions[process.env.CONDITION ?? 'idle']();
