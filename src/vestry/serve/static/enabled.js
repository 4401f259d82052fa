// Before the page is drawn: what scripts make better may rely on these classes.
document.documentElement.classList.add('js-enabled', 'govuk-frontend-supported')
