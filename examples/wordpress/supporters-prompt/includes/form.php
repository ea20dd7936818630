<?php
/**
 * The prompt as HTML: a plain GET form that works without a script. The one place where values meet markup.
 *
 * text(), attr() and link() escape; nothing else is ever put between quotes or tags. Square brackets are written as
 * character references too, because WordPress runs shortcodes over what a block printed. The data-* names are the
 * optional script's contract, the same as in the service's other snippets; style.css uses them too.
 */

namespace Supporters\Prompt;

defined( 'ABSPATH' ) || exit;

const ISSUE_PLACE = 'issue-page';
const SCRIPT_SAYS = array( 'error_none', 'error_amount', 'going', 'continue', 'give_once', 'give_monthly', 'give_yearly' );

function text( string $value ): string {
	return without_shortcodes( esc_html( str_replace( '&', '&amp;', $value ) ) ); // an "&lt;" that was typed stays one
}

function attr( string $value ): string {
	return without_shortcodes( esc_attr( str_replace( '&', '&amp;', $value ) ) );
}

function link( string $address ): string {
	return without_shortcodes( esc_url( $address, array( 'https', 'http', 'mailto' ) ) );
}

function without_shortcodes( string $html ): string {
	return str_replace( array( '[', ']' ), array( '&#91;', '&#93;' ), $html );
}

/**
 * The whole prompt of a placement. $fields say where a donation from here came from.
 */
function prompt_html( array $prompt, string $place, array $fields, ?\WP_Post $post ): string {
	$is_over = null !== $prompt['ends_at'] && $prompt['ends_at'] <= time();
	$html    = sprintf(
		'<div data-in="ask" role="group" aria-label="%s">%s<h2 part="heading" data-word="heading">%s</h2>%s%s%s</div>',
		attr( $prompt['heading'] ),
		ISSUE_PLACE === $place ? said_html( 'issue', word( $prompt, 'issue', '' ), ' data-small' ) : '',
		text( $prompt['heading'] ),
		said_html( 'why', $prompt['why'] ),
		ticker_html( $prompt, $place ),
		$is_over ? plain_link( $prompt, $fields ) : form_html( $prompt, $fields )
	);
	$has_script = ! $is_over && use_script( $prompt );
	$html      .= ( $is_over ? '' : remind_html( $prompt, $fields ) ) . ( $has_script ? for_script_html( $prompt ) : '' ) . newsletter_html( $prompt, $fields )
		. sprintf( '<p data-print hidden data-word="print">%s</p>', text( word( $prompt, 'print', '' ) ) );
	return sprintf(
		'<section class="supporters-foot%s" data-supporters-place="%s"%s%s>%s</section>',
		$has_script ? ' has-script' : '',
		attr( $place ),
		'' === $prompt['language'] ? '' : sprintf( ' lang="%s"', attr( $prompt['language'] ) ),
		style_html( $prompt['colors'] ),
		$has_script ? element_html( $prompt, $place, $post, $html ) : $html
	);
}

/**
 * One line and a link: for feeds, for readers of the REST interface, and until the first words have arrived.
 */
function plain_link( ?array $prompt, array $fields ): string {
	$action = null === $prompt ? settings()['service'] . '/give' : $prompt['action'];
	/* translators: %s: the name of the paper. */
	$words = null === $prompt ? sprintf( __( 'Make a donation to %s', 'supporters-prompt' ), wp_specialchars_decode( get_bloginfo( 'name' ), ENT_QUOTES ) ) : $prompt['heading'];
	$there = add_query_arg( array_map( 'rawurlencode', $fields ), $action );
	return sprintf( '<p><a href="%s">%s</a></p>', link( $there ), text( $words ) );
}

/**
 * A word of the published file, or ours where it has none.
 */
function word( array $prompt, string $key, string $else ): string {
	$word = $prompt['words'][ $key ] ?? '';
	return '' === $word ? $else : $word;
}

function said_html( string $key, string $words, string $more = '' ): string {
	return '' === $words ? '' : sprintf( '<p data-word="%s"%s>%s</p>', attr( $key ), $more, text( $words ) );
}

function form_html( array $prompt, array $fields ): string {
	$frequencies = array_keys( $prompt['ladders'] );
	$html        = hidden_html( $fields );
	$html       .= count( $frequencies ) > 1 ? frequencies_html( $frequencies, $prompt ) : hidden_html( array( 'frequency' => $frequencies[0] ) );
	foreach ( $prompt['ladders'] as $frequency => $rungs ) {
		$html .= ladder_html( $frequency, $rungs, $prompt );
	}
	$amount = '' === $prompt['currency_words'] ? __( 'Another amount', 'supporters-prompt' ) : $prompt['currency_words'];
	$html  .= sprintf( '<p data-other><label><span data-word="currency_words">%s</span> <input name="other" inputmode="decimal" autocomplete="off" part="input"></label></p>', text( $amount ) );
	$html  .= '<p data-error role="alert"></p>'; // the script's place for what is wrong; empty, it is not drawn
	$html  .= sprintf( '<p data-go><button type="submit" part="button"><span data-word="continue">%s</span></button></p>', text( word( $prompt, 'continue', __( 'Continue', 'supporters-prompt' ) ) ) );
	$html  .= said_html( 'next', word( $prompt, 'next', '' ), ' data-small' );
	return sprintf( '<form action="%s" method="get" data-ask>%s</form>', link( $prompt['action'] ), $html );
}

function hidden_html( array $fields ): string {
	$html = '';
	foreach ( $fields as $name => $value ) {
		$html .= sprintf( '<input type="hidden" name="%s" value="%s">', attr( $name ), attr( $value ) );
	}
	return $html;
}

function frequencies_html( array $frequencies, array $prompt ): string {
	$html = '';
	foreach ( $frequencies as $frequency ) {
		$html .= tile_html( 'frequency', $frequency, word( $prompt, $frequency, $frequency ), sprintf( ' data-word="%s"', attr( $frequency ) ) );
	}
	return fieldset_html( ' data-often', 'how_often', word( $prompt, 'how_often', __( 'How often?', 'supporters-prompt' ) ), $html );
}

function ladder_html( string $frequency, array $rungs, array $prompt ): string {
	$html = '';
	foreach ( $rungs as $rung ) {
		$html .= tile_html( $frequency, $rung[0], $rung[1], '', ' data-rung' );
	}
	$html .= tile_html( $frequency, 'other', word( $prompt, 'other', __( 'Other', 'supporters-prompt' ) ), ' data-word="other"' );
	$key   = 'how_much_' . $frequency;
	return fieldset_html( sprintf( ' data-ladder="%s"', attr( $frequency ) ), $key, word( $prompt, $key, __( 'How much?', 'supporters-prompt' ) ), $html );
}

function fieldset_html( string $mark, string $key, string $legend, string $tiles ): string {
	return sprintf( '<fieldset%s><legend data-word="%s">%s</legend><div>%s</div></fieldset>', $mark, attr( $key ), text( $legend ), $tiles );
}

function tile_html( string $name, string $value, string $face, string $word = '', string $mark = '' ): string {
	return sprintf( '<p%s><label><input type="radio" name="%s" value="%s"> <span part="tile"%s>%s</span></label></p>', $mark, attr( $name ), attr( $value ), $word, text( $face ) );
}

/**
 * How far the appeal has come, only while the figure is a fresh one: an old one would be untrue.
 */
function ticker_html( array $prompt, string $place ): string {
	return '' === $prompt['ticker'] || ! is_fresh( $place ) ? '' : said_html( 'ticker', $prompt['ticker'], ' data-small' );
}

function is_fresh( string $place ): bool {
	$state = get_option( STATE );
	$last  = is_array( $state ) ? ( $state[ $place ] ?? null ) : null;
	return is_array( $last ) && '' === $last['problem'] && time() - (int) $last['at'] < CRON_IS_AWAY;
}

function remind_html( array $prompt, array $fields ): string {
	$words = word( $prompt, 'remind', '' );
	if ( null === $prompt['remind'] || '' === $words ) {
		return '';
	}
	return sprintf(
		'<details data-in="ask"><summary data-word="remind">%1$s</summary><form action="%2$s" method="post" data-line>%3$s%4$s%5$s%6$s</form></details>',
		text( $words ),
		link( $prompt['remind'] ),
		hidden_html( array_intersect_key( $fields, array( 'article' => 1 ) ) ),
		email_html( $prompt ),
		sprintf( '<p><button type="submit" data-word="remind">%s</button></p>', text( $words ) ),
		said_html( 'remind_note', word( $prompt, 'remind_note', '' ), ' data-small' )
	);
}

function newsletter_html( array $prompt, array $fields ): string {
	$list = $prompt['newsletter'];
	if ( null === $list ) {
		return '';
	}
	return sprintf(
		'<form action="%s" method="post" data-line data-news><h2 data-word="news">%s</h2>%s%s%s<p><button type="submit" data-word="sign_up">%s</button></p></form>',
		link( $list['action'] ),
		text( $list['words'] ),
		said_html( 'news_note', $list['note'], ' data-small' ),
		hidden_html( array( 'list' => $list['list'] ?? $list['slug'] ) + array_intersect_key( $fields, array( 'placement' => 1, 'article' => 1, 'issue' => 1 ) ) ),
		email_html( $prompt ),
		text( word( $prompt, 'sign_up', __( 'Sign up', 'supporters-prompt' ) ) )
	);
}

function email_html( array $prompt ): string {
	return sprintf(
		'<p><label><span data-word="email">%s</span> <input type="email" name="email" autocomplete="email" required part="input"></label></p>',
		text( word( $prompt, 'email', __( 'Email', 'supporters-prompt' ) ) )
	);
}

/**
 * The element that the optional script knows, with what it needs to say; inside it stands the plain form.
 */
function element_html( array $prompt, string $place, ?\WP_Post $post, string $inside ): string {
	$marks = array(
		'placement' => $place,
		'version'   => (string) $prompt['version'],
		'file'      => settings()['service'] . '/p/v1/' . $place . '.json',
		'path'      => null === $post ? '' : (string) wp_parse_url( (string) get_permalink( $post ), PHP_URL_PATH ),
		'title'     => null === $post ? '' : wp_specialchars_decode( get_the_title( $post ), ENT_QUOTES ),
		'tags'      => (string) wp_json_encode( null === $post ? array() : tags_of( $post ) ),
		'brand'     => $prompt['colors']['brand'] ?? '',
		'on-brand'  => $prompt['colors']['on_brand'] ?? '',
		'least'     => $prompt['limits'][0],
		'most'      => $prompt['limits'][1],
		'words'     => (string) wp_json_encode( array_intersect_key( $prompt['words'], array_flip( SCRIPT_SAYS ) ) ),
	);
	$html = '';
	foreach ( array_filter( $marks, 'strlen' ) as $name => $value ) {
		$html .= sprintf( ' data-%s="%s"', $name, attr( $value ) );
	}
	return sprintf( '<supporter-prompt%s>%s</supporter-prompt>', $html, $inside );
}

/**
 * What only the script shows: it lies in a template element, so that a page without script never does.
 */
function for_script_html( array $prompt ): string {
	$button = static function ( string $deed, string $key ) use ( $prompt ): string {
		return sprintf( '<button type="button" data-do="%s" data-word="%s">%s</button>', attr( $deed ), attr( $key ), text( word( $prompt, $key, $key ) ) );
	};
	$manage = null === $prompt['manage'] ? '' : sprintf( '<a href="%s" data-word="manage">%s</a> ', link( $prompt['manage'] ), text( word( $prompt, 'manage', $prompt['manage'] ) ) );
	return '<template><p data-in="ask" data-acts>' . $button( 'later', 'not_now' ) . ' ' . $button( 'gives', 'gives' ) . '</p>'
		. sprintf( '<p data-in="later"><a href="%s" data-word="heading">%s</a></p>', link( $prompt['link'] ), text( $prompt['heading'] ) )
		. sprintf( '<p data-in="gives"><span data-word="thanks">%s</span></p>', text( word( $prompt, 'thanks', '' ) ) )
		. '<p data-in="gives" data-acts>' . $manage . $button( 'ask', 'again' ) . '</p>'
		. sprintf( '<p data-in="given" role="status" data-word="given">%s</p></template>', text( word( $prompt, 'given', '' ) ) );
}

function style_html( array $colors ): string {
	$style = '';
	foreach ( $colors as $name => $color ) {
		$style .= sprintf( '--prompt-%s:%s;', str_replace( '_', '-', $name ), $color );
	}
	return '' === $style ? '' : sprintf( ' style="%s"', attr( $style ) );
}
