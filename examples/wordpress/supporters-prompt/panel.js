/* The mark "No donation prompt on this post" in the block editor's sidebar. */
(function (wp) {
  var el = wp.element.createElement;
  var __ = wp.i18n.__;
  var KEY = "_supporters_prompt_off";
  // Newer releases moved the panel from one package to the other.
  var Panel = (wp.editor && wp.editor.PluginDocumentSettingPanel) || wp.editPost.PluginDocumentSettingPanel;

  function Mark() {
    var meta = wp.data.useSelect(function (select) {
      return select("core/editor").getEditedPostAttribute("meta");
    }, []);
    var edit = wp.data.useDispatch("core/editor").editPost;
    if (!meta || !(KEY in meta)) { return null; }
    return el(Panel, { name: "supporters-mark", title: __("Donation prompt", "supporters-prompt") },
      el(wp.components.CheckboxControl, {
        label: __("No donation prompt on this post", "supporters-prompt"),
        checked: Boolean(meta[KEY]),
        onChange: function (isOff) {
          var change = {};
          change[KEY] = isOff;
          edit({ meta: change });
        }
      }));
  }

  wp.plugins.registerPlugin("supporters-mark", { render: Mark });
}(window.wp));
