<?php
/**
 * The published file as this site keeps it: checked once, when it arrives.
 *
 * What is not as promised is left out or, where the prompt makes no sense without it, refuses the whole file, so that
 * the last good copy stays. Text stays text (markup in it is shown as typed); addresses are taken only from the
 * service's own origin.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

const FREQUENCIES = array( 'once', 'monthly', 'yearly' );

/**
 * The last good words of a placement, or null when none ever arrived.
 */
function last_good( string $place ): ?array {
	$copies = get_option( COPIES );
	$copy   = is_array( $copies ) ? ( $copies[ $place ] ?? null ) : null;
	return is_array( $copy ) && is_array( $copy['prompt'] ?? null ) ? $copy['prompt'] : null;
}

/**
 * A published file in checked form, or null when it is not one of this placement.
 *
 * @param mixed $raw The decoded JSON.
 */
function clean_prompt( $raw, string $place, string $service ): ?array {
	if ( ! is_array( $raw ) || 1 !== ( $raw['v'] ?? null ) || $place !== ( $raw['placement'] ?? null ) ) {
		return null;
	}
	$prompt = array(
		'version'        => max( 0, (int) ( is_int( $raw['version'] ?? null ) ? $raw['version'] : 0 ) ),
		'published_at'   => clean_time( $raw['published_at'] ?? null ),
		'is_on'          => false !== ( $raw['is_on'] ?? true ),
		'language'       => clean_language( $raw['language'] ?? null ),
		'action'         => clean_address( $raw['action'] ?? null, $service ) ?? $service . '/give',
		'link'           => clean_address( $raw['link'] ?? null, $service ) ?? $service . '/give',
		'remind'         => clean_address( $raw['remind'] ?? null, $service ),
		'manage'         => clean_address( $raw['manage'] ?? null, $service ),
		'appeal'         => clean_code( $raw['appeal'] ?? null ),
		'heading'        => clean_text( $raw['heading'] ?? null, 300 ),
		'why'            => clean_text( $raw['why'] ?? null, 2000 ),
		'currency_words' => clean_text( $raw['currency_words'] ?? null, 100 ),
		'limits'         => clean_limits( $raw['limits'] ?? null ),
		'ladders'        => clean_ladders( $raw['frequencies'] ?? null, $raw['amounts'] ?? null ),
		'ends_at'        => clean_time( $raw['ends_at'] ?? null ),
		'ticker'         => clean_text( is_array( $raw['ticker'] ?? null ) ? ( $raw['ticker']['words'] ?? null ) : null, 200 ),
		'newsletter'     => clean_newsletter( $raw['newsletter'] ?? null, $service ),
		'quiet'          => clean_quiet( $raw['quiet'] ?? null ),
		'words'          => clean_words( $raw['words'] ?? null ),
		'script'         => clean_script( $raw['script'] ?? null, $service ),
		'colors'         => clean_colors( $raw['colors'] ?? null ),
	);
	return '' === $prompt['heading'] || array() === $prompt['ladders'] ? null : $prompt;
}

/**
 * One line of text: no control characters, none that turn the direction of what follows, not longer than asked.
 *
 * @param mixed $value
 */
function clean_text( $value, int $most ): string {
	if ( ! is_string( $value ) ) {
		return '';
	}
	$text = preg_replace( '/[\x{202A}-\x{202E}\x{2066}-\x{2069}\x{FEFF}]/u', '', wp_check_invalid_utf8( $value ) );
	$text = preg_replace( '/[\p{Cc}\x{2028}\x{2029}\s]+/u', ' ', (string) $text );
	return trim( mb_substr( (string) $text, 0, $most ) );
}

/**
 * An absolute address on the service's own origin, or null.
 *
 * @param mixed $value
 */
function clean_address( $value, string $service ): ?string {
	if ( ! is_string( $value ) || strlen( $value ) > 500 || preg_match( '/[\s<>"\'\\\\\x00-\x1f]/', $value ) ) {
		return null;
	}
	return null !== origin_of( $value ) && origin_of( $value ) === origin_of( $service ) ? $value : null;
}

function origin_of( string $address ): ?string {
	$parts = wp_parse_url( $address );
	if ( ! is_array( $parts ) || ! isset( $parts['scheme'], $parts['host'] ) || isset( $parts['user'] ) || isset( $parts['pass'] ) ) {
		return null;
	}
	$scheme = strtolower( $parts['scheme'] );
	$usual  = array( 'https' => 443, 'http' => 80 )[ $scheme ] ?? null;
	return null === $usual ? null : $scheme . '://' . strtolower( $parts['host'] ) . ':' . ( $parts['port'] ?? $usual );
}

/**
 * Codes that go back to the service in an address: short, plain.
 *
 * @param mixed $value
 */
function clean_code( $value ): string {
	return is_string( $value ) && preg_match( '/^[A-Za-z0-9._-]{1,100}\z/', $value ) ? $value : '';
}

/**
 * A moment in UTC, in seconds since 1970, or null.
 *
 * @param mixed $value
 */
function clean_time( $value ): ?int {
	$is_time = is_string( $value ) && preg_match( '/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)\z/', $value );
	$time    = $is_time ? strtotime( $value ) : false;
	return false === $time ? null : $time;
}

/**
 * Amounts per frequency, in the order of the file: each a pair of value and face.
 *
 * @param mixed $frequencies
 * @param mixed $amounts
 */
function clean_ladders( $frequencies, $amounts ): array {
	$ladders = array();
	foreach ( is_array( $frequencies ) && is_array( $amounts ) ? $frequencies : array() as $frequency ) {
		if ( in_array( $frequency, FREQUENCIES, true ) ) {
			$rungs                 = array_slice( (array) ( $amounts[ $frequency ] ?? array() ), 0, 8 );
			$ladders[ $frequency ] = array_values( array_filter( array_map( __NAMESPACE__ . '\\clean_rung', $rungs ) ) );
		}
	}
	return $ladders;
}

/**
 * @param mixed $rung
 */
function clean_rung( $rung ): ?array {
	$value = is_array( $rung ) ? ( $rung[0] ?? null ) : null;
	$face  = is_array( $rung ) ? clean_text( $rung[1] ?? null, 40 ) : '';
	return is_amount( $value ) && '' !== $face ? array( $value, $face ) : null;
}

function is_amount( $value ): bool {
	return is_string( $value ) && 1 === preg_match( '/^\d{1,9}(\.\d{1,3})?\z/', $value );
}

/**
 * The least and the most that may be given, or what never refuses: the service has the last word anyway.
 *
 * @param mixed $value
 */
function clean_limits( $value ): array {
	$is_pair = is_array( $value ) && is_amount( $value[0] ?? null ) && is_amount( $value[1] ?? null );
	return $is_pair ? array( $value[0], $value[1] ) : array( '0', '999999999' );
}

/**
 * @param mixed $value
 */
function clean_language( $value ): string {
	return is_string( $value ) && preg_match( '/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}\z/', $value ) ? $value : '';
}

/**
 * @param mixed $value
 */
function clean_newsletter( $value, string $service ): ?array {
	$slug   = is_array( $value ) ? clean_code( $value['slug'] ?? null ) : '';
	$action = is_array( $value ) ? clean_address( $value['action'] ?? null, $service ) : null;
	$words  = is_array( $value ) ? clean_text( $value['words'] ?? null, 500 ) : '';
	// what the form sends: the list, and which wording it shows
	$list = $value['list'] ?? null;
	$list = is_string( $list ) && preg_match( '/^[A-Za-z0-9._~-]{1,140}\z/', $list ) ? $list : $slug;
	return '' === $slug || '' === $words || null === $action ? null : array(
		'slug'   => $slug,
		'list'   => $list,
		'action' => $action,
		'words'  => $words,
		'note'   => clean_text( $value['note'] ?? null, 500 ),
	);
}

/**
 * Where editors want no ask: paths, tags (as WordPress writes them in addresses) and ranges of dates.
 *
 * @param mixed $value
 */
function clean_quiet( $value ): array {
	$quiet = array( 'paths' => array(), 'tags' => array(), 'ranges' => array() );
	foreach ( some( $value, 'paths' ) as $path ) {
		if ( is_string( $path ) && '' !== $path && strlen( $path ) <= 1000 ) {
			$quiet['paths'][] = plain_path( $path );
		}
	}
	foreach ( some( $value, 'tags' ) as $tag ) {
		if ( is_string( $tag ) && '' !== sanitize_title( $tag ) && strlen( $tag ) <= 200 ) {
			$quiet['tags'][] = sanitize_title( $tag );
		}
	}
	foreach ( some( $value, 'ranges' ) as $range ) {
		if ( is_array( $range ) && is_day( $range[0] ?? null ) && is_day( $range[1] ?? null ) ) {
			$quiet['ranges'][] = array( $range[0], $range[1] );
		}
	}
	return $quiet;
}

function some( $value, string $key ): array {
	return is_array( $value ) && is_array( $value[ $key ] ?? null ) ? array_slice( $value[ $key ], 0, 5000 ) : array();
}

function is_day( $value ): bool {
	return is_string( $value ) && 1 === preg_match( '/^\d{4}-\d\d-\d\d\z/', $value );
}

/**
 * A path for comparing: without the question part, without percent signs, without its last slash.
 */
function plain_path( string $address ): string {
	$path = wp_parse_url( $address, PHP_URL_PATH );
	return '/' . trim( rawurldecode( is_string( $path ) ? $path : '' ), '/' );
}

/**
 * @param mixed $value
 */
function clean_words( $value ): array {
	$words = array();
	foreach ( is_array( $value ) ? array_slice( $value, 0, 200 ) : array() as $key => $text ) {
		if ( is_string( $key ) && preg_match( '/^[a-z0-9_.-]{1,60}\z/', $key ) && is_string( $text ) ) {
			$words[ $key ] = clean_text( $text, 500 );
		}
	}
	return $words;
}

/**
 * The optional script: only from the service and only with the digest of its bytes.
 *
 * @param mixed $value
 */
function clean_script( $value, string $service ): ?array {
	$src       = is_array( $value ) ? clean_address( $value['src'] ?? null, $service ) : null;
	$integrity = is_array( $value ) && is_string( $value['integrity'] ?? null ) ? $value['integrity'] : '';
	return null === $src || ! preg_match( '#^sha(256|384|512)-[A-Za-z0-9+/]{43,88}={0,2}\z#', $integrity )
		? null : array( 'src' => $src, 'integrity' => $integrity );
}

/**
 * @param mixed $value
 */
function clean_colors( $value ): array {
	$colors = array();
	foreach ( array( 'brand', 'on_brand' ) as $name ) {
		$color = is_array( $value ) ? ( $value[ $name ] ?? null ) : null;
		if ( is_string( $color ) && preg_match( '/^#[0-9a-fA-F]{6}\z/', $color ) ) {
			$colors[ $name ] = $color;
		}
	}
	return $colors;
}
