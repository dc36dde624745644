export function nodeFor(platform: string, arch: string, major: number | string): string | undefined;
export function nodePackage(platform: string, arch: string, major: number | string): string | undefined;
export function packageFolder(from: string): string;
