"""Train."""
from ui.shell import require_frame

require_frame()

import streamlit as st
from ui import forms
m = forms.open_form()
st.title("Train")
forms.show_notes()
c=st.columns(2)
with c[0]: forms.choose_method()
with c[1]: forms.choose_data()
forms.quick_knob(m,"seconds"); forms.quick_knob(m,"seed")
from sslcore.settings import RunSettings
def pre(): forms.write_form(RunSettings.build(m, temperature=1.3, jitter=0.1, learning_rate=0.017, encoder="resnet18"))
st.button("preset", on_click=pre)
st.button("go")
forms.knob_tabs(m)
st.code(forms.read_form(m).command())
