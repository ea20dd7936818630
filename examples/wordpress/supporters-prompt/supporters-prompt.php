<?php
/**
 * Plugin Name:       Supporters prompt
 * Description:       Shows the paper's donation prompt and newsletter line at the foot of each post. The words come from your own Supporters service and are changed there.
 * Version:           1.0.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       supporters-prompt
 *
 * Apache-2.0 goes together with WordPress under version 3 of the GPL ("or any later version" of WordPress's own licence).
 *
 * How it works: WP-Cron fetches one small published file from the service each minute and keeps the last good copy as
 * an option. A page view only reads that option, so the service may be slow or away and the page neither waits nor
 * changes. Every value from the file is checked when it arrives (includes/copy.php) and escaped when it is printed
 * (includes/form.php). Nothing is sent anywhere but to the service, and no cookie is set.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

const VERSION       = '1.0.0';
const SETTINGS      = 'supporters_prompt_settings';
const COPIES        = 'supporters_prompt_copies';
const STATE         = 'supporters_prompt_state';
const LOCK          = 'supporters_prompt_lock';
const PULL          = 'supporters_prompt_pull';
const EVERY_MINUTE  = 'supporters_prompt_minute';
const NO_ASK        = '_supporters_prompt_off';
const STYLE         = 'supporters-prompt';
const SCRIPT        = 'supporters-prompt-service';
const BLOCK         = 'supporters/prompt';
const SHORTCODE     = 'supporter_prompt';
const ASK_AGAIN     = 60;  // seconds between two pulls
const CRON_IS_AWAY  = 600; // seconds after which a page view pulls, because WP-Cron does not
const MOST_PLACES   = 10;  // placements of one site
const MAIN_FILE     = __FILE__;

require __DIR__ . '/includes/settings.php';
require __DIR__ . '/includes/copy.php';
require __DIR__ . '/includes/pull.php';
require __DIR__ . '/includes/post.php';
require __DIR__ . '/includes/form.php';
require __DIR__ . '/includes/place.php';
require __DIR__ . '/includes/admin.php';

register_activation_hook( __FILE__, __NAMESPACE__ . '\\keep_schedule' );
register_deactivation_hook( __FILE__, __NAMESPACE__ . '\\leave_nothing_behind' );

/**
 * Takes away what runs and what can be fetched again; settings and the editors' marks stay until uninstall.php.
 */
function leave_nothing_behind(): void {
	wp_unschedule_hook( PULL );
	delete_transient( LOCK );
	delete_option( COPIES );
	delete_option( STATE );
}
