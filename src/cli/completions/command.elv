    # The first word that is neither an option nor the value of one is the command. From there on it
    # is a command line of its own.
    var valued = [@VALUED@]
    var values = [
@VALUES@
    ]
    var last = (- (count $words) 1)
    var i = 1
    var ended = $false
    var option = ''
    while (< $i $last) {
        var word = $words[$i]
        if (eq $word '--') {
            set i = (+ $i 1)
            set ended = $true
            break
        } elif (or (eq $word '-') (not (str:has-prefix $word '-'))) {
            break
        }
        # -qr 3 is -q -r 3
        while (and (> (count $word) 2) (str:contains '@SWITCHES@' $word[1])) {
            set word = '-'$word[2..]
        }
        set option = $word
        if (has-value $valued $word) {
            set i = (+ $i 2)
        } else {
            set i = (+ $i 1)
        }
    }
    var at-command = (or (< $i $last) (and (== $i $last) (or $ended (not (str:has-prefix $words[-1] '-')))))
