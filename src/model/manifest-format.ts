/**
 * The form of the manifests that `parseManifest()` gives, by number: whoever adds to it what an
 * earlier manifest may lack or say differently counts it up, so that kept ones are not taken for it.
 */
export const manifestFormat = 4;
