<?php
/**
 * What editors and administrators see: the settings page, and the mark on a post.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

const PAGE       = 'supporters-prompt';
const MARK_NONCE = 'supporters_prompt_mark';

add_action( 'admin_init', __NAMESPACE__ . '\\know_settings' );
add_action( 'admin_menu', __NAMESPACE__ . '\\add_page' );
add_action( 'add_option_' . SETTINGS, __NAMESPACE__ . '\\begin', 10, 0 );
add_action( 'update_option_' . SETTINGS, __NAMESPACE__ . '\\begin_again', 10, 2 );
add_action( 'add_meta_boxes', __NAMESPACE__ . '\\add_mark_box' );
add_action( 'save_post', __NAMESPACE__ . '\\save_mark' );
add_action( 'enqueue_block_editor_assets', __NAMESPACE__ . '\\add_mark_panel' );

function know_settings(): void {
	register_setting( PAGE, SETTINGS, array( 'type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\\clean_settings' ) );
}

function add_page(): void {
	add_options_page( __( 'Supporters', 'supporters-prompt' ), __( 'Supporters', 'supporters-prompt' ), 'manage_options', PAGE, __NAMESPACE__ . '\\show_page' );
}

/**
 * New settings hold at once: the timer runs or rests, and the words are fetched while the administrator waits.
 */
function begin(): void {
	delete_transient( LOCK );
	keep_schedule();
	pull_all();
}

/**
 * The words of another service are not this one's.
 */
function begin_again( $before, $after ): void {
	if ( ( $before['service'] ?? '' ) !== ( $after['service'] ?? '' ) ) {
		delete_option( COPIES );
		delete_option( STATE );
	} elseif ( ( $before['placement'] ?? '' ) !== ( $after['placement'] ?? '' ) ) {
		forget( (string) ( $before['placement'] ?? '' ) );
	}
	begin();
}

function show_page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	$settings = settings();
	echo '<div class="wrap"><h1>' . esc_html__( 'Supporters', 'supporters-prompt' ) . '</h1>';
	echo '<p>' . esc_html( state_words( $settings ) ) . '</p><form action="options.php" method="post">';
	settings_fields( PAGE ); // the nonce; options.php checks it and the capability
	echo '<table class="form-table" role="presentation">';
	text_row( 'service', __( 'Address of the service', 'supporters-prompt' ), $settings['service'], 'url', __( 'For example https://give.example.org', 'supporters-prompt' ) );
	text_row( 'placement', __( 'Placement', 'supporters-prompt' ), $settings['placement'], 'text', __( 'Its code, as the desk shows it.', 'supporters-prompt' ) );
	ticks_row( __( 'Show at the foot of', 'supporters-prompt' ), post_type_ticks( $settings['post_types'] ) );
	text_row( 'issue_key', __( 'Custom field with the number of the print issue', 'supporters-prompt' ), $settings['issue_key'], 'text', __( 'Empty if posts have none.', 'supporters-prompt' ) );
	ticks_row( __( 'Optional script', 'supporters-prompt' ), array( array( 'script', '1', $settings['script'], __( 'Load the service’s small script: “Not now” and “I already give” work without leaving the page', 'supporters-prompt' ) ) ) );
	ticks_row( __( 'Pause', 'supporters-prompt' ), array( array( 'off', '1', $settings['off'], __( 'Show no prompt anywhere on this site', 'supporters-prompt' ) ) ) );
	echo '</table>';
	submit_button();
	echo '</form></div>';
}

function state_words( array $settings ): string {
	$state  = get_option( STATE );
	$last   = is_array( $state ) ? ( $state[ $settings['placement'] ] ?? null ) : null;
	$prompt = last_good( $settings['placement'] );
	if ( ! is_array( $last ) ) {
		return __( 'The words come from your service. Give its address, and this page says which version is shown.', 'supporters-prompt' );
	}
	/* translators: %d: the version of the published words. */
	$shown = null === $prompt ? __( 'No words have arrived yet; posts show a plain link.', 'supporters-prompt' ) : sprintf( __( 'Posts show version %d.', 'supporters-prompt' ), $prompt['version'] );
	/* translators: %s: a date and time. */
	$asked = sprintf( __( 'Last asked: %s.', 'supporters-prompt' ), wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), (int) $last['at'] ) );
	return trim( $last['problem'] . ' ' . $shown . ' ' . $asked );
}

function text_row( string $key, string $label, string $value, string $type, string $hint ): void {
	printf(
		'<tr><th scope="row"><label for="supporters-%1$s">%2$s</label></th><td><input class="regular-text" id="supporters-%1$s" type="%3$s" name="%4$s[%1$s]" value="%5$s"><p class="description">%6$s</p></td></tr>',
		esc_attr( $key ),
		esc_html( $label ),
		esc_attr( $type ),
		esc_attr( SETTINGS ),
		esc_attr( $value ),
		esc_html( $hint )
	);
}

function ticks_row( string $legend, array $ticks ): void {
	printf( '<tr><th scope="row">%1$s</th><td><fieldset><legend class="screen-reader-text">%1$s</legend>', esc_html( $legend ) );
	foreach ( $ticks as list( $name, $value, $is_ticked, $label ) ) {
		$full = 'post_types' === $name ? SETTINGS . '[post_types][]' : SETTINGS . '[' . $name . ']';
		printf( '<label><input type="checkbox" name="%s" value="%s"%s> %s</label><br>', esc_attr( $full ), esc_attr( $value ), checked( $is_ticked, true, false ), esc_html( $label ) );
	}
	echo '</fieldset></td></tr>';
}

function post_type_ticks( array $chosen ): array {
	$ticks = array();
	foreach ( choosable_post_types() as $name => $label ) {
		$ticks[] = array( 'post_types', $name, in_array( $name, $chosen, true ), $label );
	}
	return $ticks;
}

/**
 * The box of the classic editor; the block editor has its own panel where posts of this kind carry custom fields.
 */
function add_mark_box( string $post_type ): void {
	if ( isset( choosable_post_types()[ $post_type ] ) ) {
		$also = array( '__back_compat_meta_box' => post_type_supports( $post_type, 'custom-fields' ) );
		add_meta_box( 'supporters-mark', __( 'Donation prompt', 'supporters-prompt' ), __NAMESPACE__ . '\\show_mark_box', $post_type, 'side', 'default', $also );
	}
}

function show_mark_box( \WP_Post $post ): void {
	wp_nonce_field( MARK_NONCE . $post->ID, MARK_NONCE );
	printf(
		'<label><input type="checkbox" name="%s" value="1"%s> %s</label>',
		esc_attr( NO_ASK ),
		checked( (bool) get_post_meta( $post->ID, NO_ASK, true ), true, false ),
		esc_html__( 'No donation prompt on this post', 'supporters-prompt' )
	);
}

function save_mark( int $post_id ): void {
	$nonce = isset( $_POST[ MARK_NONCE ] ) && is_string( $_POST[ MARK_NONCE ] ) ? sanitize_key( $_POST[ MARK_NONCE ] ) : '';
	if ( ! wp_verify_nonce( $nonce, MARK_NONCE . $post_id ) || ! current_user_can( 'edit_post', $post_id ) || wp_is_post_revision( $post_id ) ) {
		return;
	}
	if ( empty( $_POST[ NO_ASK ] ) ) {
		delete_post_meta( $post_id, NO_ASK );
	} else {
		update_post_meta( $post_id, NO_ASK, true );
	}
}

function add_mark_panel(): void {
	$screen = get_current_screen();
	if ( null === $screen || 'post' !== $screen->base || ! isset( choosable_post_types()[ $screen->post_type ] ) || ! post_type_supports( $screen->post_type, 'custom-fields' ) ) {
		return;
	}
	wp_enqueue_script( 'supporters-panel', plugins_url( 'panel.js', MAIN_FILE ), array( 'wp-components', 'wp-data', 'wp-edit-post', 'wp-element', 'wp-i18n', 'wp-plugins' ), VERSION, true );
	wp_set_script_translations( 'supporters-panel', 'supporters-prompt' );
}
