/** Names that Windows keeps for devices, whatever their ending. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Characters of a name, at most: with 4 bytes each, a number and an ending they still fit a file system's 255 bytes. */
const LONGEST = 50;

/**
 * A participant's name, as the name of a file: nothing in it leads to another folder, hides the file, or is refused by
 * some file system. Two that differ may give the same.
 */
export function fileNameOf(text: string): string {
  const safe = text
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N} ._@+-]/gu, '_')
    // A dot at the beginning hides a file; at the end, dots and spaces get lost.
    .replace(/^[. ]+|[. ]+$/g, '_');
  const short = Array.from(safe).slice(0, LONGEST).join('').trimEnd();
  if (short === '') return 'participant';
  return DEVICE.test(short.split('.')[0]!.trim()) ? `_${short}` : short;
}
