//! A form that was taken to be sent in the place of a request's own body.

use bytes::Bytes;

use crate::flow::forms::TakenForm;

/// A form on its way to the app.
pub(crate) struct FormDelivery {
    pub(crate) form: TakenForm,
    /// Bytes of it may have reached the app: it is never sent again.
    begun: bool,
}

impl FormDelivery {
    pub(crate) const fn new(form: TakenForm) -> Self {
        Self { form, begun: false }
    }

    /// What is sent of it in the place of a piece of what stood for it.
    pub(crate) fn body(&self) -> Bytes {
        Bytes::copy_from_slice(self.form.request.body.expose())
    }

    pub(crate) const fn is_begun(&self) -> bool {
        self.begun
    }

    /// From here on bytes of it may reach the app.
    pub(crate) const fn begin(&mut self) {
        self.begun = true;
    }
}
