"""*Pure.* How people head the columns of their files, in the languages of the spreadsheets and address books they
have: what several kinds of files share. What a kind of file has beside them is its own."""

from __future__ import annotations

import re

from core.folding import WORD, fold

PERSON = (
    "name; full name; display name; contact; contact name; customer; customer name; client; person; "
    "nazwa; imie i nazwisko; nazwisko i imie; klient; kontakt; osoba; vollstandiger name; anzeigename; kunde; "
    "kundenname; ansprechpartner; nom complet; nom affiche; nombre completo; nombre y apellidos; cliente; contacto; "
    "nome completo; nome e cognome; contatto; nominativo; volledige naam; naam; klant; jmeno a prijmeni; zakaznik; "
    "имя и фамилия; фио; клиент; полное имя; контакт; піб; клієнт; повне імʼя; namn; navn; kund; nev"
)
NUMBER = (
    "phone; telephone; tel; phone number; telephone number; mobile; mobile phone; cell; cell phone; "
    "cellphone; business phone; home phone; work phone; office phone; other phone; primary phone; main phone; number; "
    "phone value; telefon; numer telefonu; nr telefonu; nr tel; numer; komorka; tel kom; telefon komorkowy; "
    "telefon stacjonarny; telefonnummer; rufnummer; handy; mobil; mobiltelefon; mobilnummer; festnetz; "
    "telefon geschaftlich; telefon privat; telephone portable; telephone fixe; portable; numero; "
    "numero de telephone; telefono; movil; celular; telefono movil; numero de telefono; cellulare; "
    "telefono cellulare; numero di telefono; telefone; telemovel; numero de telefone; telefoon; telefoonnummer; "
    "mobiel; gsm; mobilni telefon; telefonni cislo; телефон; номер телефона; мобильный; мобильный телефон; номер; "
    "номер телефону; мобільний; мобільний телефон; tel numer; telefonszam"
)
NOTE = (
    "note; notes; comment; comments; remarks; description; notatka; notatki; uwagi; komentarz; opis; "
    "notiz; notizen; bemerkung; bemerkungen; kommentar; remarque; remarques; commentaire; nota; notas; comentario; "
    "comentarios; observaciones; commenti; annotazioni; opmerking; opmerkingen; notitie; poznamka; poznamky; "
    "примечание; комментарий; заметки; примітка; коментар"
)
"""Separated by semicolons."""


def heading(name: str) -> str:
    """A column's name as it stands above: folded, signs and lone numbers left out."""
    return " ".join(word for word in WORD.findall(fold(name.replace("_", " "))) if not word.isdigit())


def without_digits(name: str) -> str:
    """`phone2` is one more `phone`."""
    return re.sub(r"\d+", "", name).strip()


def names_in(words: str) -> frozenset[str]:
    """The names in one of the lists above, as `heading` gives them: й is и with an accent too."""
    return frozenset(heading(one) for one in words.split(";"))
