<?php
/**
 * Takes away everything the plugin ever stored, on every site of a network.
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/**
 * The site at hand is as if the plugin had never been there.
 */
function supporters_prompt_forget_site(): void {
	foreach ( array( 'settings', 'copies', 'state' ) as $name ) {
		delete_option( 'supporters_prompt_' . $name );
	}
	delete_transient( 'supporters_prompt_lock' );
	wp_unschedule_hook( 'supporters_prompt_pull' );
	delete_post_meta_by_key( '_supporters_prompt_off' );
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $supporters_prompt_site ) {
		switch_to_blog( $supporters_prompt_site );
		supporters_prompt_forget_site();
		restore_current_blog();
	}
} else {
	supporters_prompt_forget_site();
}
