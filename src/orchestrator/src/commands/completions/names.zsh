_ytorch_names() {
    local -a names
    names=(${(f)"$(ytorch __names 2>/dev/null)"})
    compadd -a names
}

