// Sends pictures that are pasted anywhere on the page, one by one, as `picture`.
export default function ({ setTriggerValue }) {
  const paste = event => {
    for (const file of event.clipboardData?.files ?? []) {
      if (!file.type.startsWith("image/")) continue;
      event.preventDefault();
      const reader = new FileReader();
      reader.onload = () => setTriggerValue("picture", reader.result);
      reader.readAsDataURL(file);
    }
  };
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}
