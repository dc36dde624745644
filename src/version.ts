import packageJson from '../package.json' with { type: 'json' };

/** Version of this package, in the code itself: of a bundle, too, that is far from its package.json. @internal */
export const VERSION: string = packageJson.version;
