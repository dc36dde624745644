/** A CommonJS module that makes a folder the working folder, and removes it. To be run by `--require`; not on Windows. */
export const REMOVED_FOLDER = `
  const fs = require('fs');
  const gone = fs.mkdtempSync('gone-');
  process.chdir(gone);
  // By no path that asks Node for the working folder, which it would remember.
  fs.rmdirSync('../' + gone);
`;
