<?php
/**
 * Where the prompt stands: the block, the shortcode, and the foot of posts.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

add_action( 'init', __NAMESPACE__ . '\\know_block_and_shortcode' );
add_filter( 'the_content', __NAMESPACE__ . '\\append', 20 ); // after blocks (9) and shortcodes (11)
add_action( 'wp_enqueue_scripts', __NAMESPACE__ . '\\style_in_head' );
add_filter( 'script_loader_tag', __NAMESPACE__ . '\\script_tag', 10, 3 );
add_filter( 'rest_pre_dispatch', __NAMESPACE__ . '\\notice_preview', 10, 3 );

function know_block_and_shortcode(): void {
	wp_register_style( STYLE, plugins_url( 'style.css', MAIN_FILE ), array(), VERSION );
	register_block_type( dirname( MAIN_FILE ), array( 'render_callback' => __NAMESPACE__ . '\\render_block' ) );
	add_shortcode( SHORTCODE, __NAMESPACE__ . '\\render_shortcode' );
}

/**
 * @param mixed $attributes As the block has them.
 */
function render_block( $attributes ): string {
	$shown = shown( place_named( $attributes ) );
	return '' === $shown && is_editors_preview() ? sprintf( '<p>%s</p>', text( __( 'Supporter prompt: nothing is shown on this post.', 'supporters-prompt' ) ) ) : $shown;
}

/**
 * @param mixed $attributes As the author wrote them.
 */
function render_shortcode( $attributes ): string {
	return shown( place_named( $attributes ) );
}

function place_named( $attributes ): string {
	$named = is_array( $attributes ) && is_string( $attributes['place'] ?? null ) ? clean_place( $attributes['place'] ) : null;
	return $named ?? settings()['placement'];
}

/**
 * The foot of a post: once, in the main query, of the kinds of posts that the settings name.
 */
function append( $content ): string {
	$content = (string) $content;
	$post    = get_post();
	if ( ! $post instanceof \WP_Post || ! belongs_under( $post ) || stands_already( $post, $content ) ) {
		return $content;
	}
	return $content . shown( settings()['placement'] );
}

function belongs_under( \WP_Post $post ): bool {
	global $page, $numpages;
	if ( ! is_on() || ! in_array( $post->post_type, settings()['post_types'], true ) || ! in_the_loop() || ! is_main_query() || doing_filter( 'get_the_excerpt' ) ) {
		return false;
	}
	if ( is_feed() ) {
		return true;
	}
	return is_singular() && get_queried_object_id() === $post->ID && ( (int) $page >= (int) $numpages );
}

/**
 * An author or the theme put one there by hand: here, in a reusable block, or in the template.
 */
function stands_already( \WP_Post $post, string $content ): bool {
	global $_wp_current_template_content;
	return has_block( BLOCK, $post ) || has_shortcode( $post->post_content, SHORTCODE )
		|| false !== strpos( $content, 'data-supporters-place="' )
		|| ( is_string( $_wp_current_template_content ) && ! is_feed() && has_block( BLOCK, $_wp_current_template_content ) );
}

/**
 * What a reader of this post sees in this placement; '' where editors want no ask.
 */
function shown( string $place ): string {
	$post = get_post();
	$post = $post instanceof \WP_Post ? $post : null;
	if ( ! is_on() || doing_filter( 'get_the_excerpt' ) ) {
		return '';
	}
	want( $place );
	$prompt = last_good( $place );
	if ( null !== $post && is_quiet( $post, $prompt ) ) {
		return '';
	}
	if ( is_feed() || is_rest_for_others() ) {
		return plain_link( $prompt, origin_fields( $post, $prompt, $place, is_feed() ? 'rss' : 'wordpress' ) );
	}
	wp_enqueue_style( STYLE );
	$fields = origin_fields( $post, $prompt, $place, 'wordpress' );
	return null === $prompt
		? sprintf( '<div class="supporters-foot" data-supporters-place="%s">%s</div>', attr( $place ), plain_link( null, $fields ) )
		: prompt_html( $prompt, $place, $fields, $post );
}

/**
 * The stylesheet stands in the head, so that the foot has its height before it is drawn.
 */
function style_in_head(): void {
	$post = is_singular() ? get_queried_object() : null;
	if ( ! is_on() || ! $post instanceof \WP_Post ) {
		return;
	}
	if ( in_array( $post->post_type, settings()['post_types'], true ) || has_block( BLOCK, $post ) || has_shortcode( $post->post_content, SHORTCODE ) ) {
		wp_enqueue_style( STYLE );
	}
}

/**
 * Whether the optional script is wanted and named; then it is on its way into the page.
 */
function use_script( array $prompt ): bool {
	if ( ! settings()['script'] || null === $prompt['script'] || is_editors_preview() ) {
		return false;
	}
	wp_enqueue_script( SCRIPT, $prompt['script']['src'], array(), null, true ); // phpcs:ignore WordPress.WP.EnqueuedResourceParameters -- the name changes with its content
	wp_script_add_data( SCRIPT, 'integrity', $prompt['script']['integrity'] );
	return true;
}

/**
 * The optional script as an asynchronous module, pinned to the bytes that the published file names.
 */
function script_tag( $tag, $handle, $src ) {
	if ( SCRIPT !== $handle ) {
		return $tag;
	}
	return wp_get_script_tag(
		array(
			'id'          => SCRIPT . '-js',
			'type'        => 'module',
			'async'       => true,
			'src'         => esc_url_raw( $src ),
			'integrity'   => (string) wp_scripts()->get_data( SCRIPT, 'integrity' ),
			'crossorigin' => 'anonymous',
		)
	);
}

/**
 * Remembers that this request draws the block for the editor.
 */
function notice_preview( $result, $server, $request ) {
	if ( 0 === strpos( $request->get_route(), '/wp/v2/block-renderer/' . BLOCK ) ) {
		is_editors_preview( true );
	}
	return $result;
}

function is_editors_preview( ?bool $now = null ): bool {
	static $is = false;
	$is = $now ?? $is;
	return $is;
}

function is_rest_for_others(): bool {
	return defined( 'REST_REQUEST' ) && REST_REQUEST && ! is_editors_preview();
}
