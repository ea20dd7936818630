/* The block "Supporter prompt": the editor shows what the server will print. No build step. */
(function (wp) {
  var el = wp.element.createElement;
  var __ = wp.i18n.__;

  function settings(props) {
    return el(wp.blockEditor.InspectorControls, {},
      el(wp.components.PanelBody, { title: __("Placement", "supporters-prompt") },
        el(wp.components.TextControl, {
          label: __("Code of the placement", "supporters-prompt"),
          help: __("Empty for the one of Settings → Supporters.", "supporters-prompt"),
          value: props.attributes.place,
          onChange: function (place) { props.setAttributes({ place: place }); }
        })));
  }

  function edit(props) {
    return el("div", wp.blockEditor.useBlockProps(),
      settings(props),
      el(wp.components.Disabled, {},
        el(wp.serverSideRender, { block: "supporters/prompt", attributes: props.attributes })));
  }

  wp.blocks.registerBlockType("supporters/prompt", { edit: edit, save: function () { return null; } });
}(window.wp));
