<?php
/**
 * What the site was told: read with defaults, stored only after checking.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

/**
 * The settings, every key present.
 */
function settings(): array {
	$stored = get_option( SETTINGS );
	return array_merge( defaults(), is_array( $stored ) ? $stored : array() );
}

function defaults(): array {
	return array(
		'service'    => '',
		'placement'  => 'article-foot',
		'post_types' => array( 'post' ),
		'issue_key'  => 'issue',
		'script'     => false,
		'off'        => false,
	);
}

/**
 * Whether there is a service to ask and nobody switched the prompt off.
 */
function is_on(): bool {
	$settings = settings();
	return '' !== $settings['service'] && ! $settings['off'];
}

/**
 * Settings as they may be stored: what cannot be used is answered with words and the value before stays.
 *
 * @param mixed $given As the settings form sent it.
 */
function clean_settings( $given ): array {
	$given  = is_array( $given ) ? $given : array();
	$before = settings();
	return array(
		'service'    => kept_or( $given, 'service', $before, __NAMESPACE__ . '\\clean_service', __( 'The address of the service was not changed: write it as https://give.example.org (http is for a service on this machine only).', 'supporters-prompt' ) ),
		'placement'  => kept_or( $given, 'placement', $before, __NAMESPACE__ . '\\clean_place', __( 'The placement was not changed: use its code from the desk, for example article-foot.', 'supporters-prompt' ) ),
		'post_types' => array_values( array_intersect( array_keys( choosable_post_types() ), (array) ( $given['post_types'] ?? array() ) ) ),
		'issue_key'  => kept_or( $given, 'issue_key', $before, __NAMESPACE__ . '\\clean_field_name', __( 'The custom field was not changed: use letters, digits, - and _ only.', 'supporters-prompt' ) ),
		'script'     => ! empty( $given['script'] ),
		'off'        => ! empty( $given['off'] ),
	);
}

function kept_or( array $given, string $key, array $before, callable $clean, string $problem ) {
	$value = isset( $given[ $key ] ) && is_string( $given[ $key ] ) ? $clean( trim( $given[ $key ] ) ) : null;
	if ( null !== $value ) {
		return $value;
	}
	add_settings_error( SETTINGS, 'supporters-' . $key, $problem );
	return $before[ $key ];
}

/**
 * An address of a service without its last slash, '' for none, or null: https, or http on this machine only.
 */
function clean_service( string $value ): ?string {
	if ( '' === $value ) {
		return '';
	}
	$parts = wp_parse_url( $value );
	if ( strlen( $value ) > 200 || ! is_array( $parts ) || preg_match( '/[\s<>"\'\\\\]/', $value )
		|| array_diff( array_keys( $parts ), array( 'scheme', 'host', 'port', 'path' ) ) ) {
		return null;
	}
	$scheme = strtolower( $parts['scheme'] ?? '' );
	$host   = strtolower( $parts['host'] ?? '' );
	if ( '' === $host || ! ( 'https' === $scheme || ( 'http' === $scheme && is_this_machine( $host ) ) ) ) {
		return null;
	}
	$port = isset( $parts['port'] ) ? ':' . $parts['port'] : '';
	return $scheme . '://' . $host . $port . rtrim( $parts['path'] ?? '', '/' );
}

function is_this_machine( string $host ): bool {
	return 'localhost' === $host || '[::1]' === $host || 1 === preg_match( '/^127(\.\d{1,3}){3}$/', $host );
}

/**
 * The code of a placement, or null.
 */
function clean_place( string $value ): ?string {
	return preg_match( '/^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?\z/', $value ) ? $value : null;
}

function clean_field_name( string $value ): ?string {
	return preg_match( '/^[A-Za-z0-9_-]{0,60}\z/', $value ) ? $value : null;
}

/**
 * The kinds of posts that readers open as a page, name to label.
 */
function choosable_post_types(): array {
	$types = array();
	foreach ( get_post_types( array( 'public' => true ), 'objects' ) as $type ) {
		if ( 'attachment' !== $type->name ) {
			$types[ $type->name ] = $type->labels->name;
		}
	}
	return $types;
}
