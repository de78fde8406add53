    # The first word that is neither an option nor the value of one is the command. From there on it
    # is a command line of its own.
    $valued = @(@VALUED@)
    $index = 1
    $ended = $false
    $option = ''
    while ($index -lt $commandElements.Count -and $commandElements[$index].Extent.EndOffset -lt $cursorPosition) {
        $word = $commandElements[$index].Extent.Text
        if ($word -ceq '--') {
            $index += 1
            $ended = $true
            break
        }
        if ($word -ceq '-' -or -not $word.StartsWith('-')) {
            break
        }
        # -qr 3 is -q -r 3
        $word = $word -creplace '^-[@SWITCHES@]+(?=.)', '-'
        $option = ''
        $index += 1
        if ($valued -ccontains $word) {
            $option = $word
            $index += 1
        }
    }
    # Its value is still to come, or is what is being typed.
    if ($option -ne '' -and ($index -gt $commandElements.Count -or $commandElements[$index - 1].Extent.EndOffset -ge $cursorPosition)) {
        $values = @(switch -CaseSensitive ($option) {
@VALUES@
        })
        $values.Where{ $_ -like "$wordToComplete*" } | ForEach-Object {
            [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)
        }
        return
    }
    if ($index -lt $commandElements.Count) {
        $extent = $commandElements[$index].Extent
        if ($ended -or $extent.Text -ceq '-' -or -not $extent.Text.StartsWith('-')) {
            $length = $cursorPosition - $extent.StartOffset
            $rest = $commandAst.Extent.Text.Substring($extent.StartOffset - $commandAst.Extent.StartOffset)
            $rest = $rest.PadRight($length).Substring(0, $length)
            [CommandCompletion]::CompleteInput($rest, $length, $null).CompletionMatches
            return
        }
    }

