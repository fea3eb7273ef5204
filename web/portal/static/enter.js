// A link is used up by its form, so that a program which only fetches it uses nothing up. A person need not press.
document.querySelector("form[data-enter]").submit();
