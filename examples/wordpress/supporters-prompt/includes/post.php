<?php
/**
 * What one post says about the prompt: whether it may be shown there, and where a donation from it came from.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

add_action( 'init', __NAMESPACE__ . '\\know_the_mark' );

/**
 * The editors' mark "No donation prompt on this post", for the block editor too. Only who may edit a post may mark it.
 */
function know_the_mark(): void {
	register_post_meta(
		'',
		NO_ASK,
		array(
			'type'              => 'boolean',
			'single'            => true,
			'default'           => false,
			'show_in_rest'      => true,
			'sanitize_callback' => 'rest_sanitize_boolean',
			'auth_callback'     => static function ( $allowed, $key, $post_id ): bool {
				return current_user_can( 'edit_post', $post_id );
			},
		)
	);
}

/**
 * Whether editors want no ask at this post today: marked by hand, or by the service's list of paths, tags and days.
 */
function is_quiet( \WP_Post $post, ?array $prompt ): bool {
	if ( get_post_meta( $post->ID, NO_ASK, true ) || post_password_required( $post ) ) {
		return true;
	}
	if ( null === $prompt ) {
		return false;
	}
	$quiet = $prompt['quiet'];
	return ! $prompt['is_on']
		|| in_array( plain_path( (string) get_permalink( $post ) ), $quiet['paths'], true )
		|| array() !== array_intersect( tags_of( $post ), $quiet['tags'] )
		|| is_quiet_day( wp_date( 'Y-m-d' ), $quiet['ranges'] );
}

function tags_of( \WP_Post $post ): array {
	$terms = get_the_terms( $post, 'post_tag' );
	return is_array( $terms ) ? wp_list_pluck( $terms, 'slug' ) : array();
}

/**
 * Days are those of the site's own time zone, first and last included.
 */
function is_quiet_day( string $day, array $ranges ): bool {
	foreach ( $ranges as $range ) {
		if ( $range[0] <= $day && $day <= $range[1] ) {
			return true;
		}
	}
	return false;
}

/**
 * Where a donation from here came from, as fields of the form and of the plain link. Empty ones are left out.
 */
function origin_fields( ?\WP_Post $post, ?array $prompt, string $place, string $source ): array {
	$has_address = $post instanceof \WP_Post && 'publish' === $post->post_status;
	return array_filter(
		array(
			'appeal'    => $prompt['appeal'] ?? '',
			'article'   => $has_address ? (string) get_permalink( $post ) : '',
			'issue'     => $post instanceof \WP_Post ? issue_of( $post ) : '',
			'placement' => $place,
			'source'    => $source,
		),
		'strlen'
	);
}

/**
 * The number of the print issue, from the custom field that the settings name.
 */
function issue_of( \WP_Post $post ): string {
	$key   = settings()['issue_key'];
	$value = '' === $key ? '' : get_post_meta( $post->ID, $key, true );
	return is_scalar( $value ) ? clean_text( (string) $value, 20 ) : '';
}
