/** What this package is: one version for function, configuration and chart, and the platform release they bring. */

/** The platform release that the installed package brings; `spec.platform.release` asks for one by this name. */
export const RELEASE = '0.1';

/** The version of the function, the configuration and the chart openova-system. */
export const VERSION = '0.1.0';

/** The image of the function; with other arguments it is the bootstrap program. */
export const IMAGE = `ghcr.io/openova/function-openova:v${VERSION}`;

/** Where the chart openova-system is published. */
export const CHARTS = 'oci://ghcr.io/openova/charts';
