<?php
/**
 * Fetching the published file: by WP-Cron each minute, and by a page view only after its answer was sent and only
 * where WP-Cron does not run.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

add_filter( 'cron_schedules', __NAMESPACE__ . '\\know_the_minute' ); // phpcs:ignore WordPress.WP.CronInterval -- one small conditional request
add_action( 'init', __NAMESPACE__ . '\\keep_schedule' );
add_action( PULL, __NAMESPACE__ . '\\pull_all' );
add_action( 'shutdown', __NAMESPACE__ . '\\pull_when_cron_is_away' );

function know_the_minute( array $schedules ): array {
	$schedules[ EVERY_MINUTE ] = array( 'interval' => ASK_AGAIN, 'display' => __( 'Each minute (Supporters prompt)', 'supporters-prompt' ) );
	return $schedules;
}

/**
 * The timer runs exactly while there is something to fetch.
 */
function keep_schedule(): void {
	$next = wp_next_scheduled( PULL );
	if ( is_on() && false === $next ) {
		wp_schedule_event( time() + ASK_AGAIN, EVERY_MINUTE, PULL );
	} elseif ( ! is_on() && false !== $next ) {
		wp_unschedule_hook( PULL );
	}
}

/**
 * Every placement of this site is as the service has it now, or as it was when the service last answered well.
 *
 * Idempotent by the lock: at most once a minute, whoever calls.
 */
function pull_all(): void {
	if ( ! is_on() || false !== get_transient( LOCK ) ) {
		return;
	}
	set_transient( LOCK, 1, ASK_AGAIN - 5 ); // a timer that comes a second early must not lose a whole minute
	$state = array();
	foreach ( places() as $place ) {
		$state[ $place ] = pull( $place );
	}
	update_option( STATE, $state, false );
}

/**
 * The placements whose words this site needs: the one of the settings, and what blocks and shortcodes named.
 */
function places(): array {
	$copies = get_option( COPIES );
	$named  = is_array( $copies ) ? array_keys( $copies ) : array();
	return array_slice( array_unique( array_merge( array( settings()['placement'] ), array_map( 'strval', $named ) ) ), 0, MOST_PLACES );
}

/**
 * Remembers a placement that a block or shortcode names, so that the next pull fetches it.
 */
function want( string $place ): void {
	$copies = get_option( COPIES );
	$copies = is_array( $copies ) ? $copies : array();
	if ( ! isset( $copies[ $place ] ) && count( $copies ) < MOST_PLACES ) {
		$copies[ $place ] = array( 'etag' => '', 'prompt' => null );
		update_option( COPIES, $copies );
	}
}

/**
 * Stops fetching a placement until a block or shortcode names it again.
 */
function forget( string $place ): void {
	$copies = get_option( COPIES );
	if ( is_array( $copies ) && isset( $copies[ $place ] ) ) {
		unset( $copies[ $place ] );
		update_option( COPIES, $copies );
	}
}

/**
 * Asks the service for one placement and keeps a good answer; returns when that was and what was wrong ('' for nothing).
 */
function pull( string $place ): array {
	$settings = settings();
	$copies   = get_option( COPIES );
	$copies   = is_array( $copies ) ? $copies : array();
	$before   = $copies[ $place ] ?? array( 'etag' => '', 'prompt' => null );
	$answer   = wp_remote_get( address_of_file( $settings['service'], $place ), how_to_ask( (string) $before['etag'] ) );
	$status   = is_wp_error( $answer ) ? 0 : (int) wp_remote_retrieve_response_code( $answer );
	$problem  = '';
	if ( 200 === $status ) {
		$prompt = clean_prompt( json_decode( wp_remote_retrieve_body( $answer ), true, 16 ), $place, $settings['service'] );
		if ( null === $prompt ) {
			$problem = __( 'The service sent something that is not a prompt.', 'supporters-prompt' );
		} else {
			$copy = array( 'etag' => clean_etag( wp_remote_retrieve_header( $answer, 'etag' ) ), 'prompt' => $prompt );
			update_option( COPIES, array_merge( $copies, array( $place => $copy ) ) );
		}
	} elseif ( 304 !== $status ) {
		/* translators: %s: an HTTP status, or the words of a connection error. */
		$problem = sprintf( __( 'The service did not answer as it should (%s).', 'supporters-prompt' ), 0 === $status ? clean_text( $answer->get_error_message(), 200 ) : (string) $status );
	}
	return array( 'at' => time(), 'problem' => $problem );
}

function address_of_file( string $service, string $place ): string {
	$host = wp_parse_url( home_url(), PHP_URL_HOST );
	$port = wp_parse_url( home_url(), PHP_URL_PORT );
	return $service . '/p/v1/' . rawurlencode( $place ) . '.json?'
		. http_build_query( array( 'site' => $host . ( $port ? ':' . $port : '' ), 'form' => 'wordpress' ) );
}

function how_to_ask( string $etag ): array {
	return array(
		'timeout'             => 2,
		'redirection'         => 0, // only the service that the settings name is ever asked
		'limit_response_size' => 256 * 1024,
		'user-agent'          => 'supporters-prompt/' . VERSION,
		'headers'             => array_merge( array( 'Accept' => 'application/json' ), '' === $etag ? array() : array( 'If-None-Match' => $etag ) ),
	);
}

/**
 * @param mixed $value
 */
function clean_etag( $value ): string {
	return is_string( $value ) && preg_match( '#^(W/)?"[\x21\x23-\x7e]{1,100}"\z#', $value ) ? $value : '';
}

/**
 * Where no timer runs (DISABLE_WP_CRON and no system timer), readers' page views carry it, after their answer was sent.
 */
function pull_when_cron_is_away(): void {
	$next = wp_next_scheduled( PULL );
	if ( wp_doing_cron() || false === $next || $next > time() - CRON_IS_AWAY || false !== get_transient( LOCK ) ) {
		return;
	}
	if ( function_exists( 'fastcgi_finish_request' ) ) {
		fastcgi_finish_request();
	}
	pull_all();
}
